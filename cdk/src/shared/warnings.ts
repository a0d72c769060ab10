/** Adds warnings, which users can acknowledge by their identifiers. */
import { Annotations, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { IConstruct } from 'constructs';

/** Adds a warning to `scope`. */
export function warn(scope: IConstruct, id: string, text: string): void {
  Annotations.of(scope).addWarningV2(`cdk-serverless-prometheus-push-gateway:${id}`, text);
}

/** Statements as JSON that can be pasted into a policy. */
export function statementText(scope: IConstruct, ...statements: iam.PolicyStatement[]): string {
  return statements.map((statement) => JSON.stringify(Stack.of(scope).resolve(statement.toStatementJson()))).join(', ');
}
