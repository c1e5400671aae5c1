package web

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ProcessMetrics tells Prometheus of the process and of the program that it runs.
func ProcessMetrics(b Build) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(ProcessCollectors(b)...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// ProcessCollectors collect what there is to tell of the process and of the program that it runs.
func ProcessCollectors(b Build) []prometheus.Collector {
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spillway_build_info", Help: "The program that runs; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": runtime.Version()},
	}, func() float64 { return 1 })
	return []prometheus.Collector{info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
}
