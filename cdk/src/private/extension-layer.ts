/** The layer with the extension: an architecture → a layer version that Lambda unpacks into /opt. */
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { shippedCode } from './shipped-code';

/** Makes the layer from `code`, or from what this package carries. */
export function extensionLayer(
  scope: Construct,
  id: string,
  architecture: lambda.Architecture,
  code?: lambda.Code,
): lambda.LayerVersion {
  return new lambda.LayerVersion(scope, id, {
    description: 'Extension that sends a function\'s own metrics to Prometheus',
    license: 'Apache-2.0',
    code: code ?? shippedCode('telemetry-extension', architecture),
    compatibleArchitectures: [architecture],
  });
}
