// Sends the requests of its standard input to a server, as Grafana's data source does: with connect-go and the client
// generated from Pyroscope's own API. Each input line is {"rpc": NAME, "request": MESSAGE}, each output line
// {"response": MESSAGE} or {"code": CODE, "message": TEXT}; messages are in protobuf's JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"connectrpc.com/connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/adhocprofiles/v1/adhocprofilesv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/capabilities/v1/capabilitiesv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/settings/v1/settingsv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/vcs/v1/vcsv1connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type call struct {
	RPC     string          `json:"rpc"`
	Request json.RawMessage `json:"request"`
}

type result struct {
	Response json.RawMessage `json:"response,omitempty"`
	Code     string          `json:"code,omitempty"`
	Message  string          `json:"message,omitempty"`
}

// An rpc takes a request and gives back its response, both in JSON.
type rpc func(ctx context.Context, request []byte) ([]byte, error)

func of[Req, Resp any](call func(context.Context, *connect.Request[Req]) (*connect.Response[Resp], error)) rpc {
	return func(ctx context.Context, request []byte) ([]byte, error) {
		message := new(Req)
		if err := protojson.Unmarshal(request, any(message).(proto.Message)); err != nil {
			return nil, err
		}
		response, err := call(ctx, connect.NewRequest(message))
		if err != nil {
			return nil, err
		}
		return protojson.Marshal(any(response.Msg).(proto.Message))
	}
}

func rpcs(url string, options ...connect.ClientOption) map[string]rpc {
	querier := querierv1connect.NewQuerierServiceClient(http.DefaultClient, url, options...)
	settings := settingsv1connect.NewSettingsServiceClient(http.DefaultClient, url, options...)
	adhoc := adhocprofilesv1connect.NewAdHocProfileServiceClient(http.DefaultClient, url, options...)
	return map[string]rpc{
		"Push":                   of(pushv1connect.NewPusherServiceClient(http.DefaultClient, url, options...).Push),
		"ProfileTypes":           of(querier.ProfileTypes),
		"LabelNames":             of(querier.LabelNames),
		"LabelValues":            of(querier.LabelValues),
		"Series":                 of(querier.Series),
		"SelectSeries":           of(querier.SelectSeries),
		"SelectHeatmap":          of(querier.SelectHeatmap),
		"SelectMergeStacktraces": of(querier.SelectMergeStacktraces),
		"SelectMergeSpanProfile": of(querier.SelectMergeSpanProfile),
		"SelectMergeProfile":     of(querier.SelectMergeProfile),
		"Diff":                   of(querier.Diff),
		"GetProfileStats":        of(querier.GetProfileStats),
		"AnalyzeQuery":           of(querier.AnalyzeQuery),
		"GetFeatureFlags":        of(capabilitiesv1connect.NewFeatureFlagsServiceClient(http.DefaultClient, url, options...).GetFeatureFlags),
		"GetSettings":            of(settings.Get),
		"SetSettings":            of(settings.Set),
		"AdHocUpload":            of(adhoc.Upload),
		"AdHocGet":               of(adhoc.Get),
		"GithubApp":              of(vcsv1connect.NewVCSServiceClient(http.DefaultClient, url, options...).GithubApp),
	}
}

// withHeaders adds what the data source is configured with to every request.
func withHeaders(tenant, credential string) connect.ClientOption {
	return connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			request.Header().Set("X-Scope-OrgID", tenant)
			if credential != "" {
				request.Header().Set("Authorization", "Bearer "+credential)
			}
			return next(ctx, request)
		}
	}))
}

func main() {
	options := []connect.ClientOption{withHeaders(os.Getenv("TENANT"), os.Getenv("API_CREDENTIAL"))}
	if os.Getenv("JSON") != "" {
		options = append(options, connect.WithProtoJSON())
	}
	if os.Getenv("GZIP") != "" {
		options = append(options, connect.WithSendGzip())
	}
	calls := rpcs(os.Getenv("FLAMEHOUSE_URL"), options...)
	lines, results := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var requested call
		if err := json.Unmarshal(line, &requested); err != nil {
			log.Fatal(err)
		}
		response, err := calls[requested.RPC](context.Background(), requested.Request)
		if err != nil {
			err = results.Encode(result{Code: connect.CodeOf(err).String(), Message: err.Error()})
		} else {
			err = results.Encode(result{Response: response})
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
