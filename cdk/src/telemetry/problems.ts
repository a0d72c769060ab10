/** Checks the props of the telemetry extension, and the functions that it is added to. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { labelProblems } from '../shared/labels';
import { artifactProblem } from '../shared/shipped-code';
import { Problem, duration, integer, not } from '../shared/validate';
import { PrometheusTelemetryExtensionProps } from './telemetry-extension-props';
import { VARIABLES } from './variables';

/** The labels of the extension's own metrics: lambda/telemetry-extension/src/labels.rs. */
const RESERVED_LABELS = [
  'architecture',
  'function',
  'initialization_type',
  'instance',
  'job',
  'le',
  'memory_mb',
  'outcome',
  'phase',
  'quantile',
  'status',
  'type',
  'version',
];

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_LAYERS = 5;

/**
 * Runtimes on Amazon Linux 2 or older, whose glibc is older than the required 2.34. All newer runtimes use Amazon Linux
 * 2023: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
 */
const OLD_RUNTIMES =
  /^(nodejs([468]\.\d+|1[02468]\.x)?|python(2\.7|3\.([6-9]|1[01]))|java(8|8\.al2|11|17)|dotnet(core\d\.\d|[67])|ruby(2\.[57]|3\.2)|go1\.x|provided(\.al2)?)$/;

/** Functions that have the extension of any construct. */
export const HAVE_EXTENSION = new WeakSet<lambda.Function>();

/** All problems of the props. */
export function propsProblems(props: PrometheusTelemetryExtensionProps): Problem[] {
  return [
    ...props.destination._settings.problems,
    integer('minBatchSize', props.minBatchSize, 1, 4_294_967_295),
    duration('maxAge', props.maxAge, Duration.seconds(1), Duration.days(1)),
    ...labelProblems(props.externalLabels),
    ...RESERVED_LABELS.map((name) =>
      not(
        name in (props.externalLabels ?? {}),
        `externalLabels: "${name}" is reserved for the extension's own metrics`,
      ),
    ),
  ];
}

/** The reasons why the extension cannot be added to `fn`. `codeIsFor` is the architecture of the given code, if known. */
export function functionProblems(
  props: PrometheusTelemetryExtensionProps,
  fn: lambda.Function,
  codeIsFor?: lambda.Architecture,
): Problem[] {
  const of = `the function ${fn.node.path}`;
  if (HAVE_EXTENSION.has(fn)) return [`${of} already has the extension; add it only once`];
  if (fn.runtime === lambda.Runtime.FROM_IMAGE) {
    return [
      `${of} is a container image, which cannot have layers; ` +
        'copy the extension to /opt/extensions in the image and set its variables',
    ];
  }
  const resource = fn.node.defaultChild as lambda.CfnFunction;
  const layers: unknown[] = Stack.of(fn).resolve(resource.layers) ?? [];
  const environment: object = Stack.of(fn).resolve(resource.environment)?.variables ?? {};
  const { receiver, reads, variables } = props.destination._settings;
  const taken: [string, string][] = [
    ...Object.entries(VARIABLES),
    ...[...reads, ...Object.keys(variables)].map((variable): [string, string] => [variable, 'destination']),
  ];
  return [
    not(OLD_RUNTIMES.test(fn.runtime.name), `${of}: expected a runtime on Amazon Linux 2023, got ${fn.runtime.name}`),
    not(layers.length >= MAX_LAYERS, `${of}: expected fewer than ${MAX_LAYERS} layers, got ${layers.length}`),
    not(
      receiver?.node === fn.node,
      `${of} cannot send telemetry to itself, because each dispatch would invoke it again; ` +
        'use TelemetryDestination.workspace',
    ),
    ...[...new Map(taken)].map(([variable, prop]) =>
      not(
        variable in environment,
        `${of}: the environment variable ${variable} is reserved for the extension; use the prop ${prop}`,
      ),
    ),
    not(
      codeIsFor !== undefined && codeIsFor.name !== fn.architecture.name,
      `${of}: expected the architecture of code, ${codeIsFor?.name}, got ${fn.architecture.name}; create another construct for it`,
    ),
    props.code ? undefined : artifactProblem('telemetry-extension', fn.architecture),
  ];
}
