import { Names, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { shippedCode, shippedFile } from '../shared/shipped-code';
import { validate } from '../shared/validate';
import { warn } from '../shared/warnings';
import { YamlDefinition } from '../workspace';
import { HAVE_EXTENSION, functionProblems, propsProblems } from './problems';
import { PrometheusTelemetryExtensionProps } from './telemetry-extension-props';
import { variablesOf } from './variables';

/**
 * Metrics of Lambda functions in any language: invocations by status, durations, cold starts, memory and more. An
 * extension in a layer of 6 MB collects them without changes to the functions.
 *
 * @example
 * const telemetry = new PrometheusTelemetryExtension(this, 'Telemetry', {
 *   destination: TelemetryDestination.workspace(workspace),
 * });
 * telemetry.addTo(fn);
 */
export class PrometheusTelemetryExtension extends Construct {
  /**
   * Recording and alerting rules for the metrics, for `addRuleGroups` of the workspace that stores them. Recorded series
   * are sums over the execution environments of a function. Alerts fire for failures, timeouts, failed initializations,
   * memory that is nearly used up, and metrics that are rejected or incomplete.
   *
   * To change the rules, copy the file `assets/functions.rules.yaml` of this package and use `YamlDefinition.fromFile`.
   */
  public static rules(): YamlDefinition {
    return YamlDefinition.fromFile(shippedFile('functions.rules.yaml'));
  }

  private readonly layers = new Map<string, lambda.LayerVersion>();
  private readonly props: PrometheusTelemetryExtensionProps;
  /** The architecture of given code, which is that of the first function. */
  private codeIsFor?: lambda.Architecture;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props destination and settings
   */
  constructor(scope: Construct, id: string, props: PrometheusTelemetryExtensionProps) {
    super(scope, id);
    validate(this, propsProblems(props));
    this.props = props;
    const { warning } = props.destination._settings;
    if (warning) warn(this, ...warning);
  }

  /**
   * Adds the extension to a function: the layer for its architecture, the environment variables, and the permission for
   * the destination.
   *
   * The function must run on Amazon Linux 2023, like all runtimes released since 2023, and must not be a container image.
   * It must not already have the extension, or set a variable that the extension reads.
   *
   * @param fn a function of the app with at most four layers
   */
  public addTo(fn: lambda.Function): void {
    const { architecture } = fn;
    validate(this, functionProblems(this.props, fn, this.codeIsFor));
    if (this.props.code) this.codeIsFor ??= architecture;

    HAVE_EXTENSION.add(fn);
    fn.addLayers(this.layerFor(Stack.of(fn), architecture));
    for (const [name, value] of Object.entries(variablesOf(fn, this.props))) {
      fn.addEnvironment(name, value);
    }
    this.props.destination._settings.grant(fn);
  }

  /**
   * The layer for functions of `stack`. Each stack has its own, because CloudFormation cannot replace a layer that another
   * stack imports.
   */
  private layerFor(stack: Stack, architecture: lambda.Architecture): lambda.LayerVersion {
    const scope = stack === Stack.of(this) ? this : stack;
    const id = `${scope === this ? '' : Names.uniqueId(this)}${architecture === lambda.Architecture.ARM_64 ? 'Arm64' : 'X8664'}Layer`;
    const key = `${stack.node.addr}/${id}`;
    const layer =
      this.layers.get(key) ??
      new lambda.LayerVersion(scope, id, {
        description: "Extension that sends a function's own metrics to Prometheus",
        license: 'Apache-2.0',
        code: this.props.code ?? shippedCode('telemetry-extension', architecture),
        compatibleArchitectures: [architecture],
      });
    this.layers.set(key, layer);
    return layer;
  }
}
