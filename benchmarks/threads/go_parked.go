// The same as thrum_parked on goroutines.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func residentBytes() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		panic(err)
	}
	return kilobytes * 1024
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	goOn := make(chan struct{})
	var waiting, ended sync.WaitGroup
	before, cpu, wall := residentBytes(), cpuNanoseconds(), time.Now()
	waiting.Add(count)
	ended.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			waiting.Done()
			<-goOn
			ended.Done()
		}()
	}
	waiting.Wait()
	fmt.Printf("bytes %.2f\n", (residentBytes()-before)/float64(count))
	close(goOn)
	ended.Wait()
	fmt.Printf("life %.2f\n", (cpuNanoseconds()-cpu)/float64(count))
	fmt.Printf("seconds %.2f\n", time.Since(wall).Seconds())
}
