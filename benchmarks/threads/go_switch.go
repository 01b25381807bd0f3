// The same as thrum_switch on goroutines. GOMAXPROCS is the runner's to set.
package main

import (
	"runtime"
	"sync"
)

const (
	yields     = 5_000_000
	spawns     = 1_000_000
	roundTrips = 1_000_000
	locks      = 20_000_000
)

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
