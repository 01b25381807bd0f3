// The same as thrum_timers with time.AfterFunc.
package main

import (
	"fmt"
	"math/rand"
	"time"
)

func main() {
	for _, count := range []int{1_000, 1_000_000} {
		random := rand.New(rand.NewSource(1))
		durations := make([]time.Duration, count)
		for i := range durations {
			durations[i] = time.Duration(1+random.Intn(3_600_000)) * time.Millisecond
		}
		timers := make([]*time.Timer, count)
		rounds := max(1, 1_000_000/count)
		start := cpuNanoseconds()
		for round := 0; round < rounds; round++ {
			for i := range timers {
				timers[i] = time.AfterFunc(durations[i], func() {})
			}
			for _, timer := range timers {
				timer.Stop()
			}
		}
		fmt.Printf("timer_%d %.2f\n", count, (cpuNanoseconds()-start)/float64(rounds*count))
	}
}
