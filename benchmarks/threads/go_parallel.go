// The same as thrum_parallel on goroutines. Go has no executor; a goroutine for each call is its way.
package main

import (
	"sync"
)

const (
	tasks      = 1_000_000
	contenders = 8
	locksEach  = 500_000
)

func main() {
	reportWall("task", tasks, func() {
		var group sync.WaitGroup
		group.Add(tasks)
		for i := 0; i < tasks; i++ {
			go group.Done()
		}
		group.Wait()
	})
	reportWall("contended_lock", contenders*locksEach, func() {
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
