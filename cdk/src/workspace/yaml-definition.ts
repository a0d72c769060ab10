import * as fs from 'node:fs';

/**
 * A definition in YAML: a rules file for `addRuleGroups`, or the Alertmanager definition of a workspace.
 */
export class YamlDefinition {
  /**
   * A definition in the app. It may contain tokens, such as the ARN of a topic.
   *
   * @param yaml the text of the definition
   */
  public static fromInline(yaml: string): YamlDefinition {
    return new YamlDefinition(yaml);
  }

  /**
   * A definition in a file, which is read at synthesis.
   *
   * @param path path of the file, absolute or relative to the current directory
   */
  public static fromFile(path: string): YamlDefinition {
    return new YamlDefinition(fs.readFileSync(path, 'utf8'));
  }

  /** The text of the definition. */
  public readonly yaml: string;

  private constructor(yaml: string) {
    this.yaml = yaml;
  }
}
