/** The role of a function: its own log group, network interfaces if it is in a VPC, and nothing else. */
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** Not the managed policies, which allow writing to every log group of the account. */
export function functionRole(scope: Construct, description: string, logGroup: logs.ILogGroup, vpc?: ec2.IVpc): iam.Role {
  const role = new iam.Role(scope, 'Role', {
    description,
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
  });
  logGroup.grantWrite(role);
  if (vpc) {
    role.addToPolicy(
      new iam.PolicyStatement({
        // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: these cannot be limited to a resource
        // in advance, since Lambda makes the network interfaces.
        actions: [
          'ec2:AssignPrivateIpAddresses',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
  }
  return role;
}
