// Trillian's log server and its sequencer in one process, with a log in memory: what Rekor v1 needs behind it.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	tlog "github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	election "github.com/google/trillian/util/election2"
	"google.golang.org/grpc"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "where the log is served, by gRPC")
	flag.Parse()
	metrics := monitoring.InertMetricFactory{}
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage:    memory.NewAdminStorage(trees),
		LogStorage:      memory.NewLogStorage(trees, metrics),
		QuotaManager:    quota.Noop(),
		MetricFactory:   metrics,
		ElectionFactory: election.NoopFactory{},
	}
	guard := interceptor.New(registry.AdminStorage, registry.QuotaManager, false, metrics)
	served := grpc.NewServer(grpc.ChainUnaryInterceptor(interceptor.ErrorWrapper, guard.UnaryInterceptor))
	trillian.RegisterTrillianLogServer(served, server.NewTrillianLogRPCServer(registry, clock.System))
	trillian.RegisterTrillianAdminServer(served, admin.New(registry, []trillian.TreeType{trillian.TreeType_LOG}))
	sequencer := tlog.NewOperationManager(tlog.OperationInfo{
		Registry:    registry,
		BatchSize:   100,
		NumWorkers:  2,
		RunInterval: 50 * time.Millisecond,
		TimeSource:  clock.System,
	}, tlog.NewSequencerManager(registry, 0))
	go sequencer.OperationLoop(context.Background())
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(served.Serve(listener))
}
