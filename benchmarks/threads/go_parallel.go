// The same as thrum_parallel on goroutines. Go has no executor; a goroutine for each call is its way.
package main

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

const (
	tasks      = 1_000_000
	contenders = 8
	locksEach  = 500_000
)

// CPU nanoseconds of one operation, and as NAME_wall the nanoseconds that passed.
func report(name string, count int, work func()) {
	cpu, wall := cpuNanoseconds(), time.Now()
	work()
	passed := float64(time.Since(wall).Nanoseconds())
	fmt.Printf("%s %.2f\n", name, (cpuNanoseconds()-cpu)/float64(count))
	fmt.Printf("%s_wall %.2f\n", name, passed/float64(count))
}

func cpuNanoseconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	report("task", tasks, func() {
		var group sync.WaitGroup
		group.Add(tasks)
		for i := 0; i < tasks; i++ {
			go group.Done()
		}
		group.Wait()
	})
	report("contended_lock", contenders*locksEach, func() {
		var lock sync.Mutex
		var group sync.WaitGroup
		counter := 0
		group.Add(contenders)
		for i := 0; i < contenders; i++ {
			go func() {
				for k := 0; k < locksEach; k++ {
					lock.Lock()
					counter++
					lock.Unlock()
				}
				group.Done()
			}()
		}
		group.Wait()
	})
}
