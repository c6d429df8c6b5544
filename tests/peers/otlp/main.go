// Reads an OTLP profiles request as a collector does and prints, of each profile, the sums of its samples' values
// by stack: one line each, "service<TAB>leaf;...;root<TAB>sum". Fails on an index that is out of a table.
package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
)

func main() {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	request := pprofileotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		panic(err)
	}
	profiles := request.Profiles()
	tables := profiles.Dictionary()
	sums := map[string]int64{}
	for _, resource := range profiles.ResourceProfiles().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeProfiles().All() {
			for _, profile := range scope.Profiles().All() {
				for _, sample := range profile.Samples().All() {
					key := service.AsString() + "\t" + stack(tables, sample)
					for _, value := range sample.Values().All() {
						sums[key] += value
					}
				}
			}
		}
	}
	var lines []string
	for key, sum := range sums {
		lines = append(lines, fmt.Sprintf("%s\t%d", key, sum))
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
}

func stack(tables pprofile.ProfilesDictionary, sample pprofile.Sample) string {
	var names []string
	for _, location := range tables.StackTable().At(int(sample.StackIndex())).LocationIndices().All() {
		for _, line := range tables.LocationTable().At(int(location)).Lines().All() {
			function := tables.FunctionTable().At(int(line.FunctionIndex()))
			names = append(names, tables.StringTable().At(int(function.NameStrindex())))
		}
	}
	return strings.Join(names, ";")
}
