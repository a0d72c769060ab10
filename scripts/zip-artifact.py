"""Writes an artifact into a zip archive as Lambda runs it: zip-artifact.py FILE ENTRY ZIP

ENTRY is the name inside the archive. Its mode is 0755 and its date is fixed, so that neither depends on the machine that
builds, packs or installs. The same file and the same zlib give the same archive.
"""

import os
import stat
import sys
import zipfile

# The earliest date that a zip archive can hold.
DATE = (1980, 1, 1, 0, 0, 0)
UNIX = 3

if len(sys.argv) != 4:
    sys.exit(__doc__.splitlines()[0])
file, entry, archive = sys.argv[1:]

info = zipfile.ZipInfo(entry, DATE)
info.create_system = UNIX
info.external_attr = (stat.S_IFREG | 0o755) << 16
info.compress_type = zipfile.ZIP_DEFLATED
os.makedirs(os.path.dirname(os.path.abspath(archive)), exist_ok=True)
with open(file, "rb") as source, zipfile.ZipFile(archive, "w") as target:
    target.writestr(info, source.read(), compresslevel=9)
