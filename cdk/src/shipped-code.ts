import * as lambda from 'aws-cdk-lib/aws-lambda';
import { artifactProblem, layerProblem, shippedCode } from './private/shipped-code';
import { Problem } from './private/validate';

/**
 * The code that this package carries, for functions and layers that an app makes itself. What the functions read from
 * their environment is in the documentation of each.
 *
 * @example
 * const own = new lambda.Function(this, 'Function', {
 *   runtime: lambda.Runtime.PROVIDED_AL2023,
 *   architecture: lambda.Architecture.ARM_64,
 *   handler: 'bootstrap',
 *   code: ShippedCode.pushGateway(lambda.Architecture.ARM_64),
 * });
 * new PrometheusPushGateway(this, 'Metrics', { function: own });
 */
export class ShippedCode {
  /**
   * The function of a push gateway, with `PROVIDED_AL2023` as runtime.
   *
   * @param architecture the architecture of the function
   */
  public static pushGateway(architecture: lambda.Architecture): lambda.Code {
    failOn(artifactProblem('push-gateway', architecture));
    return shippedCode('push-gateway', architecture);
  }

  /**
   * The query functions, with `PROVIDED_AL2023` as runtime. The handler is a value of `QueryOperation`.
   *
   * @param architecture the architecture of the function
   */
  public static query(architecture: lambda.Architecture): lambda.Code {
    failOn(artifactProblem('query', architecture));
    return shippedCode('query', architecture);
  }

  /**
   * The telemetry extension, as the content of a layer.
   *
   * @param architecture the architecture of the functions that get the layer
   */
  public static telemetryExtension(architecture: lambda.Architecture): lambda.Code {
    failOn(layerProblem(architecture));
    return shippedCode('telemetry-extension', architecture);
  }

  private constructor() {}
}

function failOn(problem: Problem): void {
  if (problem !== undefined) throw new Error(problem);
}
