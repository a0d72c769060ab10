// Pushes, adds and deletes with prom-client. Usage: node push.mjs URL USER PASSWORD
import client from 'prom-client';

const [url, user, password] = process.argv.slice(2);
const registry = new client.Registry();
const registers = [registry];
new client.Counter({ name: 'node_jobs_total', help: 'Jobs.', labelNames: ['kind'], registers }).inc(
  { kind: 'größe' },
  3,
);
new client.Gauge({ name: 'node_queue_size', help: 'Size.', registers }).set(42.5);
const duration = new client.Histogram({
  name: 'node_duration_seconds',
  help: 'Took.',
  buckets: [0.1, 1, 10],
  registers,
});
for (const seconds of [0.05, 0.5, 5, 50]) duration.observe(seconds);

const gateway = new client.Pushgateway(url, { auth: `${user}:${password}` }, registry);
const expect = async (pushed) => {
  const { resp } = await pushed;
  // The client takes a redirect for a success.
  if (resp.statusCode >= 300) throw new Error(`status ${resp.statusCode}`);
};
await expect(gateway.push({ jobName: 'node' }));
// It sends an empty value as an empty part of the path, which no gateway takes.
const groupings = { path: 'a/b', city: 'Zürich 1+1' };
await expect(gateway.pushAdd({ jobName: 'node', groupings }));
await expect(gateway.delete({ jobName: 'node', groupings }));
