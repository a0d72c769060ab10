/** The form of the dashboards. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Dashboard, readDashboard, targetsOf } from '../support/dashboards.js';

const dashboards = await Promise.all((['functions', 'gateway', 'workspace'] as const).map(readDashboard));

/** The variables that a dashboard uses, without those of Grafana. */
function usedVariables(dashboard: Dashboard): Set<string> {
  const names = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)\}?/g)].map(([, name]) => name as string);
  return new Set(names.filter((name) => !name.startsWith('__')));
}

test('each dashboard has its own uid', () => {
  assert.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
});

for (const dashboard of dashboards) {
  const { title, panels, templating } = dashboard;

  test(`${title}: every variable exists and is used`, () => {
    assert.deepEqual([...usedVariables(dashboard)].sort(), templating.list.map(({ name }) => name).sort());
  });

  test(`${title}: panels have ids and places of their own`, () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title: panel, gridPos } of panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= 24, panel);
      for (let cell = 0; cell < w * h; cell++) {
        const place = `${x + (cell % w)},${y + Math.floor(cell / w)}`;
        assert.ok(!taken.has(place), `${panel} is above another panel at ${place}`);
        taken.add(place);
      }
    }
  });

  test(`${title}: panels have a description, unit and source`, () => {
    for (const { title: panel, type, description, fieldConfig, datasource, targets } of panels) {
      if (type === 'row') continue;
      assert.ok(description, panel);
      assert.ok(fieldConfig?.defaults.unit, panel);
      for (const source of [datasource, ...(targets ?? []).map((target) => target.datasource)]) {
        assert.equal(source?.uid, '${datasource}', panel);
      }
    }
  });

  test(`${title}: math uses the queries of its panel`, () => {
    for (const { title: panel, targets = [] } of panels) {
      const ids = targets.map(({ id }) => id);
      for (const { expression } of targets) {
        if (!expression) continue;
        const [, id] = /^([a-z]\w*) \/ \$\w+$/.exec(expression) ?? [];
        assert.ok(id !== undefined && ids.includes(id), `${panel}: ${expression}`);
      }
    }
  });

  test(`${title}: rates have the window of the step`, () => {
    for (const { title: panel, expr } of targetsOf(dashboard)) {
      // $__rate_interval is at least four times the minimum step.
      assert.doesNotMatch(expr ?? '', /\[\d/, panel);
    }
  });
}
