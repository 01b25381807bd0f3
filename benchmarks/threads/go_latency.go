// The same as thrum_latency on goroutines.
package main

import (
	"fmt"
	"math/rand"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	busyThreads   = 16
	sleepers      = 100
	slice         = 20 * time.Microsecond
	span          = 2 * time.Second
	shortestSleep = 1000 // microseconds
	longestSleep  = 10000
)

func main() {
	var ended atomic.Bool
	var busy, asleep sync.WaitGroup
	late := make([][]float64, sleepers)
	busy.Add(busyThreads)
	asleep.Add(sleepers)
	for i := 0; i < busyThreads; i++ {
		go func() {
			for !ended.Load() {
				for until := time.Now().Add(slice); time.Now().Before(until); {
				}
				runtime.Gosched()
			}
			busy.Done()
		}()
	}
	for i := 0; i < sleepers; i++ {
		go func() {
			random := rand.New(rand.NewSource(int64(i)))
			for end := time.Now().Add(span); time.Now().Before(end); {
				sleep := time.Duration(shortestSleep+random.Intn(longestSleep-shortestSleep+1)) * time.Microsecond
				until := time.Now().Add(sleep)
				time.Sleep(sleep)
				late[i] = append(late[i], float64(time.Since(until).Nanoseconds())/1000)
			}
			asleep.Done()
		}()
	}
	asleep.Wait()
	ended.Store(true)
	busy.Wait()
	var all []float64
	for _, one := range late {
		all = append(all, one...)
	}
	sort.Float64s(all)
	fmt.Printf("late_p50 %.2f\nlate_p99 %.2f\n", all[len(all)/2], all[len(all)*99/100])
}
