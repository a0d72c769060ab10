import * as fs from 'node:fs';

/**
 * A definition in YAML: the rules file of `addRuleGroups`, or the Alertmanager definition of a workspace.
 */
export class YamlDefinition {
  /**
   * A definition written in the app. Tokens in it, such as the ARN of a topic, are filled in at deployment.
   *
   * @param yaml the text of the definition
   */
  public static fromInline(yaml: string): YamlDefinition {
    return new YamlDefinition(yaml);
  }

  /**
   * A definition in a file, which is read at synthesis.
   *
   * @param path path of the file, absolute or from the current directory
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
