// Serves recorded resources with go-control-plane's own server, so that `npm run bench -- xds` can compare
// ours with it. POST /load takes what changes, as responses of the incremental protocol in gRPC frames, and
// POST /publish makes what was loaded the truth: only that is measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
)

// How resources are held and who is told of which.
type store interface {
	cache() cache.Cache
	load(changes changes) error
	publish() error
}

func main() {
	kind := flag.String("cache", "snapshot", "snapshot or linear")
	certificate := flag.String("tls-cert", "", "PEM file; without one, plain text")
	key := flag.String("tls-key", "", "PEM file")
	clientAuthority := flag.String("tls-client-ca", "", "PEM file")
	flag.Parse()
	var resources store = newSnapshotStore()
	if *kind == "linear" {
		resources = newLinearStore()
	}
	var options []grpc.ServerOption
	if *certificate != "" {
		credentials, err := mutualTLS(*certificate, *key, *clientAuthority)
		check(err)
		options = append(options, grpc.Creds(credentials))
	}
	grpcServer := grpc.NewServer(options...)
	xds := server.NewServer(context.Background(), resources.cache(), nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	xdsListener, httpListener := listen(), listen()
	go func() { check(grpcServer.Serve(xdsListener)) }()
	check(json.NewEncoder(os.Stdout).Encode(map[string]int{
		"xdsPort":     xdsListener.Addr().(*net.TCPAddr).Port,
		"controlPort": httpListener.Addr().(*net.TCPAddr).Port,
	}))
	check(http.Serve(httpListener, control(resources)))
}

func control(resources store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /load", func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			var changes changes
			if changes, err = parseChanges(body); err == nil {
				err = resources.load(changes)
			}
		}
		answer(response, err)
	})
	mux.HandleFunc("POST /publish", func(response http.ResponseWriter, _ *http.Request) {
		answer(response, resources.publish())
	})
	return mux
}

func answer(response http.ResponseWriter, err error) {
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	response.WriteHeader(http.StatusNoContent)
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return listener
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
