# Pushes, adds and deletes with Debian's prometheus-client-mmap. Usage: push.rb URL USER PASSWORD
require "prometheus/client"
require "prometheus/client/push"
require "uri"

gateway = URI(ARGV[0])
gateway.user, gateway.password = ARGV[1..].map { |text| URI.encode_www_form_component(text) }
registry = Prometheus::Client::Registry.new
registry.counter(:ruby_jobs_total, "Jobs.").increment({ kind: "größe" }, 3)
registry.gauge(:ruby_queue_size, "Size.").set({}, 42.5)

expect = lambda do |response|
  abort "status #{response.code}" unless response.is_a?(Net::HTTPSuccess)
end
expect.(Prometheus::Client::Push.new(job: "ruby", gateway: gateway.to_s).replace(registry))
# It has no grouping labels but the instance.
group = Prometheus::Client::Push.new(job: "ruby", instance: "Zürich 1+1", gateway: gateway.to_s)
expect.(group.add(registry))
expect.(group.delete)
