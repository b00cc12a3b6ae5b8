// The same measurements in Go, one thread: prints "name nanoseconds" per operation, best of several rounds.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

const rounds = 9

func best(name string, operations int, run func()) {
	shortest := time.Duration(1 << 62)
	for i := 0; i < rounds; i++ {
		begin := time.Now()
		run()
		if elapsed := time.Since(begin); elapsed < shortest {
			shortest = elapsed
		}
	}
	fmt.Printf("%s %.1f\n", name, float64(shortest.Nanoseconds())/float64(operations))
}

func switches(goroutines, each int) {
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			for j := 0; j < each; j++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	all.Wait()
}

func roundTrips(n int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for i := 0; i < n; i++ {
			back <- <-there
		}
	}()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
}

func spawnOneByOne(n int) {
	var one sync.WaitGroup
	for i := 0; i < n; i++ {
		one.Add(1)
		go one.Done()
		one.Wait()
	}
}

func spawnMany(n int) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go all.Done()
	}
	all.Wait()
}

func main() {
	runtime.GOMAXPROCS(1)
	best("switch-100", 100*10_000, func() { switches(100, 10_000) })
	best("switch-10000", 10_000*100, func() { switches(10_000, 100) })
	best("round-trip", 200_000, func() { roundTrips(200_000) })
	best("spawn-join", 200_000, func() { spawnOneByOne(200_000) })
	best("spawn-1000", 200*1_000, func() {
		for i := 0; i < 200; i++ {
			spawnMany(1_000)
		}
	})
}
