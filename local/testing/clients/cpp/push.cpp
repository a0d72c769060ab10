// Pushes, adds and deletes with prometheus-cpp. Usage: cpp URL USER PASSWORD
#include <prometheus/counter.h>
#include <prometheus/gateway.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <iostream>
#include <memory>
#include <string>

int expect(int status) {
  if (status < 200 || status > 299) {
    std::cerr << "status " << status << '\n';
    std::exit(1);
  }
  return status;
}

int main(int, char** arguments) {
  const std::string url = arguments[1];
  const auto colon = url.rfind(':');
  const std::string host = url.substr(0, colon), port = url.substr(colon + 1);
  const std::string user = arguments[2], password = arguments[3];

  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("cpp_jobs_total").Help("Jobs.").Register(*registry).Add({{"kind", "größe"}}).Increment(3);
  prometheus::BuildGauge().Name("cpp_queue_size").Help("Size.").Register(*registry).Add({}).Set(42.5);
  auto& duration = prometheus::BuildHistogram().Name("cpp_duration_seconds").Help("Took.").Register(*registry).Add(
      {}, prometheus::Histogram::BucketBoundaries{0.1, 1, 10});
  for (double seconds : {0.05, 0.5, 5.0, 50.0}) duration.Observe(seconds);

  // Its Push sends POST, its PushAdd PUT.
  prometheus::Gateway gateway{host, port, "cpp", {}, user, password};
  gateway.RegisterCollectable(registry);
  expect(gateway.Push());
  // It sends values as they are, so none has a slash or is empty.
  prometheus::Gateway group{host, port, "cpp", {{"city", "Zürich"}}, user, password};
  group.RegisterCollectable(registry);
  expect(group.PushAdd());
  expect(group.Delete());
}
