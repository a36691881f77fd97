// A program that runs a collector with the configuration in docs/clients.md and sends it an OTLP profile over gRPC. The
// collector forwards the profile over HTTP.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	if err := featuregate.GlobalRegistry().Set("service.profilesSupport", true); err != nil {
		log.Fatal(err)
	}
	address := freeAddress()
	collector, err := otelcol.NewCollector(settings(address))
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- collector.Run(context.Background()) }()
	for collector.GetState() != otelcol.StateRunning {
		select {
		case err := <-ended:
			log.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := send(address); err != nil {
		log.Fatal(err)
	}
	collector.Shutdown() // sends queued profiles
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}

// freeAddress returns an unused address, which replaces that of the configuration.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func settings(address string) otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector", Version: "0.165.0"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{
				"file:collector.yaml",
				"yaml:receivers::otlp::protocols::grpc::endpoint: " + address,
				"yaml:service::telemetry::metrics::level: none",
			},
			ProviderFactories: []confmap.ProviderFactory{
				envprovider.NewFactory(), fileprovider.NewFactory(), yamlprovider.NewFactory(),
			},
		}},
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](otlphttpexporter.NewFactory())
	return otelcol.Factories{
		Receivers: receivers,
		Exporters: exporters,
		Telemetry: otelconftelemetry.NewFactory(),
	}, err
}

func send(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request := pprofileotlp.NewExportRequestFromProfiles(profiles(os.Getenv("PYROSCOPE_APPLICATION_NAME")))
	response, err := pprofileotlp.NewGRPCClient(connection).Export(ctx, request)
	if err == nil && response.PartialSuccess().RejectedProfiles() > 0 {
		err = fmt.Errorf("rejected: %s", response.PartialSuccess().ErrorMessage())
	}
	return err
}

// profiles returns 300 samples in main > findPrimes, as a CPU profiler would send them.
func profiles(service string) pprofile.Profiles {
	sent := pprofile.NewProfiles()
	tables := sent.Dictionary()
	tables.MappingTable().AppendEmpty()
	tables.LinkTable().AppendEmpty()
	tables.AttributeTable().AppendEmpty()
	tables.StackTable().AppendEmpty()
	tables.LocationTable().AppendEmpty()
	tables.FunctionTable().AppendEmpty()
	tables.StringTable().Append(
		"", "samples", "count", "cpu", "nanoseconds", "main.main", "main.findPrimes", "endpoint")
	for index, name := range []int32{5, 6} {
		tables.FunctionTable().AppendEmpty().SetNameStrindex(name)
		tables.LocationTable().AppendEmpty().Lines().AppendEmpty().SetFunctionIndex(int32(index + 1))
	}
	tables.StackTable().AppendEmpty().LocationIndices().Append(2, 1)
	endpoint := tables.AttributeTable().AppendEmpty()
	endpoint.SetKeyStrindex(7)
	endpoint.Value().SetStr("primes")

	resource := sent.ResourceProfiles().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	resource.Resource().Attributes().PutStr("region", "eu")
	profile := resource.ScopeProfiles().AppendEmpty().Profiles().AppendEmpty()
	profile.SampleType().SetTypeStrindex(1)
	profile.SampleType().SetUnitStrindex(2)
	profile.PeriodType().SetTypeStrindex(3)
	profile.PeriodType().SetUnitStrindex(4)
	profile.SetPeriod(10_000_000)
	profile.SetTime(pcommon.NewTimestampFromTime(time.Now()))
	profile.SetDurationNano(3_000_000_000)
	sample := profile.Samples().AppendEmpty()
	sample.SetStackIndex(1)
	sample.Values().Append(300)
	sample.AttributeIndices().Append(1)
	return sent
}
