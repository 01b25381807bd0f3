// The same as thrum_switch on goroutines. GOMAXPROCS is the runner's to set.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
)

const (
	yields     = 5_000_000
	spawns     = 1_000_000
	roundTrips = 1_000_000
	locks      = 20_000_000
)

func report(name string, count int, work func()) {
	start := cpuNanoseconds()
	work()
	fmt.Printf("%s %.2f\n", name, (cpuNanoseconds()-start)/float64(count))
}

// The process's CPU time: what else runs on the machine does not count.
func cpuNanoseconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	report("yield", 2*yields, func() {
		done := make(chan struct{})
		go func() {
			for i := 0; i < yields; i++ {
				runtime.Gosched()
			}
			close(done)
		}()
		for i := 0; i < yields; i++ {
			runtime.Gosched()
		}
		<-done
	})
	report("spawn_join", spawns, func() {
		var group sync.WaitGroup
		for i := 0; i < spawns; i++ {
			group.Add(1)
			go group.Done()
			group.Wait()
		}
	})
	report("round_trip", roundTrips, func() {
		there := make(chan int, 1)
		back := make(chan int, 1)
		go func() {
			for item := range there {
				back <- item
			}
		}()
		for i := 0; i < roundTrips; i++ {
			there <- i
			<-back
		}
		close(there)
	})
	report("lock", locks, func() {
		var lock sync.Mutex
		for i := 0; i < locks; i++ {
			lock.Lock()
			lock.Unlock()
		}
	})
}
