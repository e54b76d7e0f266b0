package provider

import (
	"regexp"
	"slices"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The progress of an action says what it waits for: while the ticket is listed, and before another POST.
func TestProgressSaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: "429", Operation: simulator.OpList, Times: 1}, {Kind: "429", RetryAfter: "7", Times: 1},
	}})
	progress, diagnostics := newProtocol(t, f).invoke(t, map[string]any{"case_id": testCase, "content": "Deployed v1", "idempotency_key": "run 4711"})
	wantNoDiagnostics(t, diagnostics)
	for _, want := range []string{`^Waiting \S+ for the service: throttled$`, `^Retrying in 7\S+: throttled$`} {
		if !slices.ContainsFunc(progress, regexp.MustCompile(want).MatchString) {
			t.Errorf("no line of %q matches %s", progress, want)
		}
	}
	f.wantContents(t, "[run 4711] Deployed v1")
}
