package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a source that a test steers. What it issues is numbered.
type fake struct {
	keys bool          // it issues keys, with a security token
	life time.Duration // 0 is for ever
	err  error
	wait chan struct{} // if not nil, issuing waits for it
	asks int
}

func (*fake) mode() Mode { return "fake" }

func (f *fake) issue(_ context.Context, c *Credentials) (issued, error) {
	f.asks++
	if f.wait != nil {
		<-f.wait
	}
	if f.err != nil {
		return issued{}, f.err
	}
	token := fmt.Sprint("token ", f.asks)
	i := issued{token: token}
	if f.keys {
		i = issued{key: AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: token}}
	}
	c.keep(token)
	if f.life > 0 {
		i.expires = c.now().Add(f.life)
	}
	return i, nil
}

func request(t testing.TB) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
}

// wantToken fails unless a request gets this token; with an empty one, none.
func wantToken(t *testing.T, c *Credentials, want string) *http.Request {
	t.Helper()
	req := request(t)
	err := c.Authenticate(t.Context(), req, nil)
	var none *Error
	if got := req.Header.Get("X-Auth-Token") + req.Header.Get("X-Security-Token"); got != want || (err == nil) != (want != "") || err != nil && !errors.As(err, &none) {
		t.Errorf("token %q, want %q: %v", got, want, err)
	}
	return req
}

func TestRenewalInTime(t *testing.T) {
	t.Parallel()
	for life, margin := range map[time.Duration]time.Duration{
		24 * time.Hour:   10 * time.Minute,
		time.Hour:        6 * time.Minute,
		2 * time.Second:  200 * time.Millisecond,
		15 * time.Minute: 90 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{life: life}
			c := New(f, nil, time.Now)
			wantToken(t, c, "token 1")
			time.Sleep(life - margin - 1)
			wantToken(t, c, "token 1")
			time.Sleep(time.Nanosecond)
			f.wait = make(chan struct{})
			wantToken(t, c, "token 1") // nobody waits for the renewal
			wantToken(t, c, "token 1")
			close(f.wait)
			synctest.Wait()
			wantToken(t, c, "token 2")
			if f.asks != 2 {
				t.Errorf("asked %d times", f.asks)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := New(&fake{}, nil, time.Now)
		wantToken(t, c, "token 1")
		time.Sleep(1000 * time.Hour)
		if req := wantToken(t, c, "token 1"); c.Renew(req) {
			t.Error("what never expires can be renewed")
		}
	})
}

// All who need credentials at the same time share one call, and its failure.
func TestOneRenewalForAll(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, errors.New("on the way")} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{life: time.Hour, wait: make(chan struct{}), err: failure}
			c := New(f, nil, time.Now)
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if err := c.Authenticate(t.Context(), request(t), nil); !errors.Is(err, failure) {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			close(f.wait)
			all.Wait()
			if f.asks != 1 {
				t.Errorf("asked %d times", f.asks)
			}
			_ = c.Authenticate(t.Context(), request(t), nil)
			if want := map[bool]int{true: 1, false: 2}[failure == nil]; f.asks != want {
				t.Errorf("asked %d times after a later call, want %d", f.asks, want)
			}
		})
	}
}

// Neither a caller whose context ends nor Renew waits for the issuer.
func TestCancelledWhileRenewing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{wait: make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := New(f, nil, time.Now)
		go func() {
			synctest.Wait()
			c.Renew(request(t))
		}()
		if err := c.Authenticate(ctx, request(t), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(f.wait)
	})
}

// While the credentials live, they are used, even if no others can be had. A refusal is
// final only when they have expired.
func TestFailedRenewal(t *testing.T) {
	t.Parallel()
	for failure, last := range map[error]int{ // how often the source was asked in the end
		errors.New("on the way"):           5,
		&RefusedError{errors.New("no")}:    4,
		&UnusableError{errors.New("gone")}: 5,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{life: time.Hour}
			c := New(f, nil, time.Now)
			wantToken(t, c, "token 1")
			f.err = failure
			for i, step := range []struct {
				wait  time.Duration
				token string // the credentials expire after an hour
				asks  int
			}{
				{54 * time.Minute, "token 1", 2},
				{2 * time.Minute, "token 1", 2},
				{time.Minute, "token 1", 3},
				{3 * time.Minute, "", 4},
				{0, "", last},
			} {
				time.Sleep(step.wait)
				wantToken(t, c, step.token)
				synctest.Wait()
				if f.asks != step.asks {
					t.Errorf("%v: asked %d times after step %d, want %d", failure, f.asks, i, step.asks)
				}
			}
		})
	}
}

// After a 401 the credentials of that request are not used again, and no others are dropped.
func TestRenewAfterARefusal(t *testing.T) {
	t.Parallel()
	for _, keys := range []bool{false, true} {
		c := New(&fake{keys: keys, life: time.Hour}, nil, time.Now)
		if !c.Renew(request(t)) {
			t.Error("nothing to renew before the first")
		}
		first := wantToken(t, c, "token 1")
		for range 2 { // the second is a parallel call's, and comes too late
			if !c.Renew(first) {
				t.Error("cannot be renewed")
			}
			wantToken(t, c, "token 2")
		}
	}
}

// Every secret so far is kept out of texts: those of what was issued, and of the key with
// which an agency is assumed.
func TestSecrets(t *testing.T) {
	t.Parallel()
	f := &fake{life: time.Hour}
	c := New(f, nil, time.Now)
	req := wantToken(t, c, "token 1")
	c.Renew(req)
	wantToken(t, c, "token 2")
	if got := strings.Join(c.Secrets(), ","); got != "token 1,token 2" {
		t.Error(got)
	}
	a := New(Agency{Base: f}, nil, time.Now)
	wantToken(t, a.base, "token 3")
	if got := strings.Join(a.Secrets(), ","); got != "token 3" {
		t.Error(got)
	}
}
