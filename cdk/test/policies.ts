/** Finds the policies in a template. */
import { Template } from 'aws-cdk-lib/assertions';

/** Every policy document of a template, in any property of a resource. */
export function documents(template: Template): { at: string; statements: any[] }[] {
  const found: { at: string; statements: any[] }[] = [];
  const walk = (value: unknown, at: string) => {
    if (typeof value !== 'object' || value === null) return;
    const { Statement } = value as { Statement?: any };
    if (Statement) found.push({ at, statements: [Statement].flat() });
    for (const [key, inner] of Object.entries(value)) walk(inner, `${at}/${key}`);
  };
  for (const [id, resource] of Object.entries(template.toJSON().Resources)) walk(resource, id);
  return found;
}
