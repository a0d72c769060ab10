// Uses an MCP server with the SDK of the protocol, and prints what it got as JSON. Usage: node mcp.mjs URL PASSWORD
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, password] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${password}` };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
const client = new Client({ name: 'node', version: '1.0.0' });
await client.connect(transport);
const call = async (name, args) => {
  const { content, isError } = await client.callTool({ name, arguments: args });
  return { texts: content.map(({ text }) => text), isError: isError ?? false };
};
const found = {
  server: client.getServerVersion().name,
  tools: (await client.listTools()).tools.map(({ name }) => name),
  query: await call('query', { query: 'up{job="db"}', time: '2023-11-14T22:13:20Z' }),
  unknown: await call('query', { query: 'build_inf' }),
  wrong: await call('query', { query: 'up', start: 'now-1h' }),
  resource: (await client.readResource({ uri: 'prometheus://metrics' })).contents[0].text,
  templates: (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
  prompt: (await client.getPrompt({ name: 'explore_metrics', arguments: { topic: 'updates' } })).messages.length,
};
await client.close();
console.log(JSON.stringify(found));
