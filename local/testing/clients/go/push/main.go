// Pushes, adds and deletes with client_golang. Usage: push URL USER PASSWORD
package main

import (
	"log"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

func main() {
	url, user, password := os.Args[1], os.Args[2], os.Args[3]
	jobs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "go_jobs_total", Help: "Jobs."}, []string{"kind"})
	size := prometheus.NewGauge(prometheus.GaugeOpts{Name: "go_queue_size", Help: "Size."})
	duration := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "go_duration_seconds", Help: "Took.", Buckets: []float64{0.1, 1, 10},
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(jobs, size, duration)
	jobs.WithLabelValues("größe").Add(3)
	size.Set(42.5)
	for _, seconds := range []float64{0.05, 0.5, 5, 50} {
		duration.Observe(seconds)
	}
	pusher := func() *push.Pusher {
		return push.New(url, "go").Gatherer(registry).BasicAuth(user, password)
	}
	if err := pusher().Push(); err != nil {
		log.Fatal(err)
	}
	group := pusher().Grouping("path", "a/b").Grouping("empty", "").Grouping("city", "Zürich 1+1")
	if err := group.Add(); err != nil {
		log.Fatal(err)
	}
	if err := group.Delete(); err != nil {
		log.Fatal(err)
	}
}
