// A program under the real Go SDK that spends most of its time in findPrimes, which allocates nothing.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/grafana/pyroscope-go"
)

func main() {
	runtime.SetMutexProfileFraction(5)
	runtime.SetBlockProfileRate(5)

	profiler, err := pyroscope.Start(pyroscope.Config{
		ApplicationName:   os.Getenv("PYROSCOPE_APPLICATION_NAME"),
		ServerAddress:     os.Getenv("PYROSCOPE_SERVER_ADDRESS"),
		BasicAuthUser:     os.Getenv("PYROSCOPE_BASIC_AUTH_USER"),
		BasicAuthPassword: os.Getenv("PYROSCOPE_BASIC_AUTH_PASSWORD"),
		TenantID:          os.Getenv("PYROSCOPE_TENANT_ID"),
		Tags:              map[string]string{"region": "eu"},
		ProfileTypes: []pyroscope.ProfileType{
			pyroscope.ProfileCPU,
			pyroscope.ProfileAllocObjects,
			pyroscope.ProfileAllocSpace,
			pyroscope.ProfileInuseObjects,
			pyroscope.ProfileInuseSpace,
			pyroscope.ProfileGoroutines,
			pyroscope.ProfileMutexCount,
			pyroscope.ProfileMutexDuration,
			pyroscope.ProfileBlockCount,
			pyroscope.ProfileBlockDuration,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer profiler.Stop()
	defer profiler.Flush(true) // sends what remains; Stop does so for CPU profiles only

	pyroscope.TagWrapper(context.Background(), pyroscope.Labels("endpoint", "primes"), func(context.Context) {
		findPrimes(3 * time.Second) // runs with endpoint="primes"
	})

	fmt.Println(remember(400_000), queue(32, 25))
}

func findPrimes(long time.Duration) int {
	found := 0
	end := time.Now().Add(long)
	for number := 2; time.Now().Before(end); number++ {
		divisor := 2
		for divisor < number && number%divisor != 0 {
			divisor++
		}
		if divisor == number {
			found++
		}
	}
	return found
}

// remember makes most of the program's allocations.
func remember(count int) int {
	var kept [100][]byte
	for number := range count {
		kept[number%len(kept)] = make([]byte, 1024)
	}
	return len(kept)
}

// queue makes goroutines wait for each other.
func queue(waiters, turns int) int {
	var mutex sync.Mutex
	var group sync.WaitGroup
	taken := 0
	for range waiters {
		group.Go(func() {
			for range turns {
				mutex.Lock()
				time.Sleep(time.Millisecond)
				taken++
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	return taken
}
