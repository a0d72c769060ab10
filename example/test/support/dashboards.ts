/** The Grafana dashboards in `dashboards/`, and the rules for them. */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { parse } from 'yaml';

export const DASHBOARDS = resolve(import.meta.dirname, '..', '..', '..', 'dashboards');

/** The rules file. */
export const RULES = join(DASHBOARDS, 'functions.rules.yaml');

/** The part of Grafana's dashboard model that the tests use. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: Field };
  readonly datasource?: DataSource;
  /** Rows have none. */
  readonly targets?: readonly Target[];
}

export interface Field {
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
}

export interface DataSource {
  readonly type: string;
  readonly uid: string;
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  /** The value of a text variable. */
  readonly query?: unknown;
}

/** A query of the Prometheus or the CloudWatch data source. */
export interface Target {
  readonly refId: string;
  readonly datasource: DataSource;
  /** PromQL, for one time if `instant` is true. */
  readonly expr?: string;
  readonly instant?: boolean;
  readonly legendFormat?: string;
  readonly label?: string;
  readonly hide?: boolean;
  /** The identifier for math expressions. */
  readonly id?: string;
  readonly namespace?: string;
  readonly metricName?: string;
  readonly dimensions?: Readonly<Record<string, readonly string[]>>;
  readonly statistic?: string;
  /** Metric math. */
  readonly expression?: string;
  /** Metrics Insights. */
  readonly sqlExpression?: string;
}

export async function readDashboard(name: 'functions' | 'gateway' | 'workspace'): Promise<Dashboard> {
  return JSON.parse(await readFile(join(DASHBOARDS, `${name}.json`), 'utf8')) as Dashboard;
}

/** Every query, with the title of its panel. */
export function targetsOf({ panels }: Dashboard): (Target & { readonly title: string })[] {
  return panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ ...target, title })));
}

/** The text with the values of variables, which begin with a dollar sign. */
export function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{?(\w+)\}?/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${text}: the variable ${name} has no value`);
    return value;
  });
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

/** The rules of every group. */
export async function readRules(): Promise<Rule[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}
