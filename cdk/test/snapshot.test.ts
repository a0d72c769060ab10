/**
 * The default template. A changed logical ID replaces a user's resource. `npm run snapshot --workspace cdk` writes the
 * snapshot; review its changes.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SNAPSHOT, defaultTemplate } from './default-template';
import { newGateway, withoutHashes } from './support';

test('the default template equals its snapshot', () => {
  assert.deepEqual(defaultTemplate(), JSON.parse(fs.readFileSync(SNAPSHOT, 'utf8')));
});

test('feature flags do not change the default template', () => {
  const stack = new Stack(new App({ context: require('aws-cdk-lib/recommended-feature-flags.json') }), 'Stack');
  newGateway(stack);
  assert.deepEqual(withoutHashes(Template.fromStack(stack)), defaultTemplate());
});
