// What the Go programs of this folder print and how they time it, as report.hpp does for those in C++.
package main

import (
	"fmt"
	"syscall"
	"time"
)

// The process's CPU time: what else runs on the machine does not count.
func cpuNanoseconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// report prints the CPU nanoseconds of one of count operations.
func report(name string, count int, work func()) {
	start := cpuNanoseconds()
	work()
	fmt.Printf("%s %.2f\n", name, (cpuNanoseconds()-start)/float64(count))
}

// reportWall is for work on several processors: also the nanoseconds that passed, as NAME_wall.
func reportWall(name string, count int, work func()) {
	wall := time.Now()
	report(name, count, work)
	fmt.Printf("%s_wall %.2f\n", name, float64(time.Since(wall).Nanoseconds())/float64(count))
}
