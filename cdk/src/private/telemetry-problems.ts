/** What can be wrong with the props of the telemetry extension, and with a function that it is added to. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { PrometheusTelemetryExtensionProps } from '../telemetry-extension-props';
import { labelProblems } from './labels';
import { layerProblem } from './shipped-code';
import { TELEMETRY_VARIABLES } from './telemetry-variables';
import { Problem, duration, integer, not } from './validate';

/** lambda/telemetry-extension/src/labels.rs: those that the metrics have for themselves. */
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
 * Runtimes on Amazon Linux 2 or older, whose glibc is older than the 2.34 that the extension needs. There will be no
 * more of them: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
 */
const OLD_RUNTIMES =
  /^(nodejs([468]\.\d+|1[02468]\.x)?|python(2\.7|3\.([6-9]|1[01]))|java(8|8\.al2|11|17)|dotnet(core\d\.\d|[67])|ruby(2\.[57]|3\.2)|go1\.x|provided(\.al2)?)$/;

/** Functions that have the extension, of whichever construct. */
export const HAVE_EXTENSION = new WeakSet<lambda.Function>();

/** All problems of the props. */
export function propsProblems(props: PrometheusTelemetryExtensionProps): Problem[] {
  return [
    ...props.destination._settings.problems,
    integer('minBatchSize', props.minBatchSize, 1, 4_294_967_295),
    duration('maxAge', props.maxAge, Duration.seconds(1), Duration.days(1)),
    ...labelProblems(props.externalLabels ?? {}),
    ...RESERVED_LABELS.map((name) =>
      not(
        name in (props.externalLabels ?? {}),
        `names in externalLabels must not be "${name}", which the metrics have for themselves`,
      ),
    ),
  ];
}

/** All reasons why the extension cannot be added to `fn`; code that was given is for `codeIsFor` if that is known. */
export function functionProblems(
  props: PrometheusTelemetryExtensionProps,
  fn: lambda.Function,
  codeIsFor?: lambda.Architecture,
): Problem[] {
  const of = `the function ${fn.node.path}`;
  if (HAVE_EXTENSION.has(fn)) return [`${of} has the extension already; add it once to each function`];
  if (fn.runtime === lambda.Runtime.FROM_IMAGE) {
    return [
      `${of} is a container image, which has no layers; ` +
        'copy the extension into the folder /opt/extensions of the image instead, and set its variables',
    ];
  }
  const resource = fn.node.defaultChild as lambda.CfnFunction;
  const layers: unknown[] = Stack.of(fn).resolve(resource.layers) ?? [];
  const environment: object = Stack.of(fn).resolve(resource.environment)?.variables ?? {};
  const { worksHere, reads, variables } = props.destination._settings;
  const taken: [string, string][] = [
    ...Object.entries(TELEMETRY_VARIABLES),
    ...[...reads, ...Object.keys(variables)].map((variable): [string, string] => [variable, 'destination']),
  ];
  return [
    not(
      OLD_RUNTIMES.test(fn.runtime.name),
      `${of} has the runtime ${fn.runtime.name}, which is not on Amazon Linux 2023; choose one that is`,
    ),
    not(layers.length >= MAX_LAYERS, `${of} has ${layers.length} layers already, and Lambda allows ${MAX_LAYERS}`),
    not(
      worksHere?.node === fn.node,
      `${of} cannot send its telemetry to itself, since each dispatch would be an invocation with telemetry of its own; ` +
        'use TelemetryDestination.workspace',
    ),
    ...[...new Map(taken)].map(([variable, prop]) =>
      not(
        variable in environment,
        `${of} must not have the environment variable ${variable}, which the extension reads; use the prop ${prop}`,
      ),
    ),
    not(
      codeIsFor !== undefined && codeIsFor.name !== fn.architecture.name,
      `${of} is for ${fn.architecture.name}, but code is for ${codeIsFor?.name}; make the construct once more for the other`,
    ),
    props.code ? undefined : layerProblem(fn.architecture),
  ];
}
