/** Validation of YAML definitions. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Aws, Token } from 'aws-cdk-lib';
import { PrometheusWorkspace, YamlDefinition } from 'cdk-serverless-prometheus-push-gateway';
import { PACKAGE, newStack } from './support';

const addRules = (yaml: string) =>
  new PrometheusWorkspace(newStack(), 'Workspace').addRuleGroups('Rules', YamlDefinition.fromInline(yaml));
const withAlertmanager = (yaml: string) =>
  new PrometheusWorkspace(newStack(), 'Workspace', { alertmanagerDefinition: YamlDefinition.fromInline(yaml) });

for (const [what, yaml] of [
  ['indented as a whole', '    groups:\n      - name: g\n        rules: []\n'],
  ['JSON', '{"groups": []}'],
  ['with a quoted key', '"groups": []'],
  ['after a comment and a marker', '# rules\n---\ngroups: []\n'],
  ['with a token for a value', `groups:\n- name: ${Aws.REGION}\n  rules: []\n`],
  ['a token as a whole', Token.asString({ 'Fn::ImportValue': 'rules' })],
  ['with a token that may be several lines', `${Token.asString({ 'Fn::ImportValue': 'rules' })}\n# the end\n`],
]) {
  test(`rules are accepted: ${what}`, () => {
    assert.doesNotThrow(() => addRules(yaml));
  });
}

for (const [what, yaml, problem] of [
  ['broken YAML', 'groups:\n- name: [\n', /^: expected valid YAML, got: .* at line \d+, column \d+$/],
  [
    'broken YAML with tokens',
    `groups:\n- name: ${Aws.REGION}\n rules: []\n`,
    /^: expected valid YAML, got: .* at line \d+, column \d+$/,
  ],
  [
    'a duplicate key',
    'groups: []\ngroups: []\n',
    /^: expected valid YAML, got: Map keys must be unique at line 2, column 1$/,
  ],
  ['an empty mapping', '{}', /^: expected the key "groups" with a list, got no keys$/],
  ['another key', 'rules: []', /^: expected the key "groups" with a list, got the key "rules"$/],
  ['other keys', 'a: 1\nb: 2\n', /^: expected the key "groups" with a list, got the keys "a", "b"$/],
  ['the key below another', 'spec:\n  groups: []\n', /^: expected the key "groups" with a list, got the key "spec"$/],
  ['the key without a list', 'groups: none\n', /^: expected the key "groups" with a list, got groups with "none"$/],
  ['a list', '- groups: []\n', /^: expected a mapping at the root, got a list$/],
  ['nothing', '', /^: expected a mapping at the root, got nothing$/],
  [
    'aliases without end',
    `a: &a [x]\n${[...'bcdefgh'].map((key, at) => `${key}: &${key} [${`*${'abcdefgh'[at]},`.repeat(9)}]`).join('\n')}\n`,
    /^: expected valid YAML, got: /,
  ],
] as [string, string, RegExp][]) {
  test(`rules are rejected: ${what}`, () => {
    assert.throws(
      () => addRules(yaml),
      ({ message }: Error) => {
        const start = 'Stack/Workspace: the rules of "Rules"';
        assert.ok(message.startsWith(start), message);
        assert.match(message.slice(start.length), problem);
        return true;
      },
    );
  });
}

for (const [what, yaml, problem] of [
  ['an empty mapping', '{}', 'expected the key "alertmanager_config" with a block of text (|), got no keys'],
  [
    'a configuration that is not a text',
    'alertmanager_config:\n  route: {}\n',
    'expected the key "alertmanager_config" with a block of text (|), got alertmanager_config with a mapping',
  ],
  [
    'a text that is not a mapping',
    'alertmanager_config: |\n  - route\n',
    'alertmanager_config: expected a mapping at the root, got a list',
  ],
]) {
  test(`an Alertmanager definition is rejected: ${what}`, () => {
    assert.throws(() => withAlertmanager(yaml), { message: `Stack/Workspace: alertmanagerDefinition: ${problem}` });
  });
}

test('fails if the Alertmanager YAML with tokens is invalid', () => {
  const yaml = `alertmanager_config: |\n  receivers:\n  - name: [\n  region: ${Aws.REGION}\n`;
  assert.throws(
    () => withAlertmanager(yaml),
    /alertmanagerDefinition: alertmanager_config: expected valid YAML, got: .* at line \d+, column \d+$/,
  );
});

test('an Alertmanager definition may have tokens', () => {
  const yaml = `    template_files:\n      default: |\n        {{ define "a" }}b{{ end }}\n    alertmanager_config: |\n      route:\n        receiver: a\n      receivers:\n      - name: a\n        sns_configs:\n        - topic_arn: ${Token.asString({ Ref: 'Topic' })}\n`;
  assert.doesNotThrow(() => withAlertmanager(yaml));
});

test('the package contains its YAML parser', () => {
  const listed = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: PACKAGE,
    encoding: 'utf8',
  });
  const result = JSON.parse(listed);
  const [{ bundled, files }] = Array.isArray(result) ? result : Object.values<any>(result);
  assert.deepEqual(bundled, ['yaml']);
  assert.ok(files.some(({ path }: { path: string }) => path === 'node_modules/yaml/dist/index.js'));
});
