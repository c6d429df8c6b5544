// otel_receiver ADDRESS: what the OpenTelemetry eBPF profiler sends its profiles to: it answers
// Export and counts what came. At SIGTERM it prints one line: samples, those of them with user
// frames, user frames, samples with an error frame.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
)

const largestMessage = 256 << 20

type counts struct {
	samples, withUser, userFrames int
}

type receiver struct {
	pprofileotlp.UnimplementedGRPCServer
	lock  sync.Mutex
	total counts
}

// The kind of a location's frame is an attribute: native, kernel, or that of an interpreter.
func frameKind(dictionary pprofile.ProfilesDictionary, location pprofile.Location) string {
	for _, index := range location.AttributeIndices().All() {
		attribute := dictionary.AttributeTable().At(int(index))
		if dictionary.StringTable().At(int(attribute.KeyStrindex())) == "profile.frame.type" {
			return attribute.Value().AsString()
		}
	}
	return ""
}

func userFrames(dictionary pprofile.ProfilesDictionary, stack pprofile.Stack) int {
	frames := 0
	for _, index := range stack.LocationIndices().All() {
		if frameKind(dictionary, dictionary.LocationTable().At(int(index))) != "kernel" {
			frames++
		}
	}
	return frames
}

func (r *receiver) addSample(dictionary pprofile.ProfilesDictionary, sample pprofile.Sample) {
	times := max(1, sample.TimestampsUnixNano().Len())
	frames := userFrames(dictionary, dictionary.StackTable().At(int(sample.StackIndex())))
	r.total.samples += times
	r.total.userFrames += times * frames
	if frames > 0 {
		r.total.withUser += times
	}
}

func (r *receiver) Export(_ context.Context, request pprofileotlp.ExportRequest) (
	pprofileotlp.ExportResponse, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	profiles := request.Profiles()
	for _, resource := range profiles.ResourceProfiles().All() {
		for _, scope := range resource.ScopeProfiles().All() {
			for _, profile := range scope.Profiles().All() {
				for _, sample := range profile.Samples().All() {
					r.addSample(profiles.Dictionary(), sample)
				}
			}
		}
	}
	return pprofileotlp.NewExportResponse(), nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	fail(err)
	ours := &receiver{}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(largestMessage))
	pprofileotlp.RegisterGRPCServer(server, ours)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		server.GracefulStop()
	}()
	fmt.Println("ready", listener.Addr())
	fail(server.Serve(listener))
	fmt.Println(ours.total.samples, ours.total.withUser, ours.total.userFrames)
}
