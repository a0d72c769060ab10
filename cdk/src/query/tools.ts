/** Reads the tool definitions of the query functions from this package. */
import * as fs from 'node:fs';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import { shippedFile } from '../shared/shipped-code';
import { QueryOperation } from './operations';

/** A part of JSON Schema, which agent gateways accept. */
interface Schema {
  readonly type: string;
  readonly description?: string;
  readonly properties?: { [name: string]: Schema };
  readonly required?: string[];
}

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Schema;
}

/** The tool for `operation`. */
export function toolOf(operation: QueryOperation): agentcore.ToolDefinition {
  const tools: Tool[] = JSON.parse(fs.readFileSync(shippedFile('tools.json'), 'utf8'));
  const tool = tools.find(({ name }) => name === operation);
  if (!tool) throw new Error(`tools.json of this package does not contain the tool ${operation}`);
  return { name: tool.name, description: tool.description, inputSchema: definitionOf(tool.inputSchema) };
}

function definitionOf(schema: Schema): agentcore.SchemaDefinition {
  const properties = schema.properties && Object.entries(schema.properties);
  return {
    type: agentcore.SchemaDefinitionType.of(schema.type),
    description: schema.description,
    properties: properties && Object.fromEntries(properties.map(([name, inner]) => [name, definitionOf(inner)])),
    required: schema.required,
  };
}
