package build

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestABuilderEndsWhenNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended time.Duration
		began := time.Now()
		i := newIdle(5*time.Minute, func() { ended = time.Since(began) })
		i.enter()
		i.enter()
		time.Sleep(time.Hour)
		i.leave()
		time.Sleep(time.Hour)
		synctest.Wait()
		if ended != 0 {
			t.Fatalf("it ended after %s, in the middle of a call", ended)
		}
		i.leave()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if want := 2*time.Hour + 5*time.Minute; ended != want {
			t.Errorf("it ended after %s; want %s", ended, want)
		}
	})
}

func TestABuilderThatIsNeverAskedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		newIdle(time.Minute, func() { ended = true })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !ended {
			t.Error("it waits for ever")
		}
	})
}
