import { Names, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { extensionLayer } from './private/extension-layer';
import { HAVE_EXTENSION, functionProblems, propsProblems } from './private/telemetry-problems';
import { telemetryVariables } from './private/telemetry-variables';
import { validate } from './private/validate';
import { warn } from './private/warnings';
import { PrometheusTelemetryExtensionProps } from './telemetry-extension-props';

/**
 * Metrics of functions themselves, in any language: invocations by status, durations, cold starts, memory and more, by
 * an extension that Lambda runs beside each function. It is a layer of 6 MB, and functions do not know that it is there.
 *
 * @example
 * const telemetry = new PrometheusTelemetryExtension(this, 'Telemetry', {
 *   destination: TelemetryDestination.workspace(workspace),
 * });
 * telemetry.addTo(fn);
 */
export class PrometheusTelemetryExtension extends Construct {
  private readonly layers = new Map<string, lambda.LayerVersion>();
  private readonly props: PrometheusTelemetryExtensionProps;
  /** With code that is given, the architecture of the first function. */
  private codeIsFor?: lambda.Architecture;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props where the metrics go, and how they are sent
   */
  constructor(scope: Construct, id: string, props: PrometheusTelemetryExtensionProps) {
    super(scope, id);
    validate(this, propsProblems(props));
    this.props = props;
    const { warning } = props.destination._settings;
    if (warning) warn(this, ...warning);
  }

  /**
   * Adds the extension to a function: the layer for its architecture, the environment variables, and the permission
   * that the destination needs.
   *
   * The function has to run on Amazon Linux 2023, as all runtimes do that AWS has brought since 2023, and must not be a
   * container image. It must not have a variable of its own that the extension reads, nor the extension already.
   *
   * @param fn a function of the app, which has four layers at most
   */
  public addTo(fn: lambda.Function): void {
    const { architecture } = fn;
    validate(this, functionProblems(this.props, fn, this.codeIsFor));
    if (this.props.code) this.codeIsFor ??= architecture;

    HAVE_EXTENSION.add(fn);
    fn.addLayers(this.layerFor(Stack.of(fn), architecture));
    for (const [name, value] of Object.entries(telemetryVariables(fn, this.props))) {
      fn.addEnvironment(name, value);
    }
    this.props.destination._settings.grant(fn);
  }

  /**
   * One layer for each stack: a layer that another stack's functions use could not be replaced, since CloudFormation
   * keeps exports that are in use.
   */
  private layerFor(stack: Stack, architecture: lambda.Architecture): lambda.LayerVersion {
    const scope = stack === Stack.of(this) ? this : stack;
    const id = `${scope === this ? '' : Names.uniqueId(this)}${architecture === lambda.Architecture.ARM_64 ? 'Arm64' : 'X8664'}Layer`;
    const key = `${stack.node.addr}/${id}`;
    const layer = this.layers.get(key) ?? extensionLayer(scope, id, architecture, this.props.code);
    this.layers.set(key, layer);
    return layer;
  }
}
