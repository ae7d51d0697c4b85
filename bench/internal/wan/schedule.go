package wan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// A job is one measurement, which takes time but little of the machine: several run
// beside each other.
type job struct {
	name   string
	weight float64 // Mbit/s that it moves, about
	run    func(context.Context) error
}

const (
	// capacity is how many Mbit/s are moved at a time on each processor: about half of
	// it, so that what is to happen at an instant does.
	capacity  = 150
	minWeight = 8 // Mbit/s: what a connection takes in the machine that hardly moves
)

// schedule runs jobs, in their order as far as their weights allow, and calls done
// after each, one at a time. Failures do not end it; they are returned together.
func schedule(ctx context.Context, jobs []job, done func(j *job, err error)) error {
	free := float64(capacity * runtime.NumCPU())
	whole := free
	var (
		mu      sync.Mutex
		changed = sync.NewCond(&mu)
		failed  []error
		running sync.WaitGroup
	)
	stop := context.AfterFunc(ctx, changed.Broadcast)
	defer stop()
	jobs = slices.Clone(jobs)
	mu.Lock()
	for len(jobs) > 0 && ctx.Err() == nil {
		i := slices.IndexFunc(jobs, func(j job) bool { return min(whole, max(minWeight, j.weight)) <= free })
		if i < 0 {
			changed.Wait()
			continue
		}
		j := jobs[i]
		jobs = slices.Delete(jobs, i, i+1)
		weight := min(whole, max(minWeight, j.weight))
		free -= weight
		running.Go(func() {
			err := j.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			free += weight
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", j.name, err))
			}
			done(&j, err)
			changed.Broadcast()
		})
	}
	mu.Unlock()
	running.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(failed...)
}
