/** Reads zip archives, independently of the code that writes them. */
import * as fs from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** An entry of the central directory. */
export interface ZipEntry {
  readonly name: string;
  /** The Unix mode with its file type, such as 0o100755. */
  readonly mode: number;
  /** The MS-DOS date and time. */
  readonly date: number;
  readonly content: Buffer;
}

/** https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16 */
export function zipEntries(file: string): ZipEntry[] {
  const bytes = fs.readFileSync(file);
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const entries: ZipEntry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameLength = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    const data = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const stored = bytes.subarray(data, data + bytes.readUInt32LE(at + 20));
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      mode: bytes.readUInt32LE(at + 38) >>> 16,
      date: bytes.readUInt32LE(at + 12),
      content: bytes.readUInt16LE(at + 10) === 8 ? inflateRawSync(stored) : stored,
    });
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}
