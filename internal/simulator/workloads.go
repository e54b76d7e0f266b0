package simulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The paths of what a pod and a pipeline of GitHub find in their environment.
//
//nolint:gosec // paths, no credentials
const (
	PodCredentialsPath = "/v1/pod-credentials" // where HC_CONTAINER_CREDENTIALS_FULL_URI points
	IDTokenRequestPath = "/github/id-token"    // ACTIONS_ID_TOKEN_REQUEST_URL is this with ?api-version=2.0
)

const (
	workloadKeysLife = time.Hour       // of what a pod or a server gets; no page says how long
	gitHubTokenLife  = 5 * time.Minute // of GitHub's ID tokens
	maxMetadataTTL   = 21600           // seconds
)

var notHere = refuse(404, "", "Not found")

// named returns the agency of this name. There is none for "".
func (s *Simulator) named(name string) (a Agency, known bool) {
	return first(s.opts.Agencies, func(a Agency) bool { return name != "" && a.Name == name })
}

// podCredentials is CCE's pod identity.
func (ex *exchange) podCredentials(body object) (do func() *answer, refusal *answer) {
	s := ex.s
	a, known := s.named(s.opts.PodAgency)
	switch {
	case !known || s.opts.PodToken == "":
		return nil, notHere
	case !slices.Equal(ex.r.Header.Values("Authorization"), []string{s.opts.PodToken}):
		return nil, refuse(401, "", "Incorrect Authorization")
	case len(body) > 0:
		return nil, malformed("Unknown member")
	}
	return func() *answer { return s.issueKeys(200, podKeys, a, "pod", workloadKeysLife) }, nil
}

// metadataToken is version 2 of an ECS server's instance metadata.
func (ex *exchange) metadataToken(object) (do func() *answer, refusal *answer) {
	s := ex.s
	seconds, _ := sentHeader(ex.r.Header, "X-Metadata-Token-Ttl-Seconds")
	ttl, err := strconv.Atoi(seconds)
	switch _, known := s.named(s.opts.ECSAgency); {
	case !known || s.opts.MetadataV1:
		return nil, notHere
	case err != nil || ttl < 1 || ttl > maxMetadataTTL:
		return nil, malformed("Invalid X-Metadata-Token-Ttl-Seconds")
	}
	return func() *answer {
		s.issued++
		text := "simulated-metadata-token-" + strconv.Itoa(s.issued)
		s.metadataTokens[text] = &credential{issued: true, expires: s.nowLocked().Add(time.Duration(ttl) * time.Second)}
		return &answer{status: 200, text: text}
	}, nil
}

// metadataKeys gives the keys of an ECS server's agency.
func (ex *exchange) metadataKeys(object) (do func() *answer, refusal *answer) {
	s := ex.s
	a, known := s.named(s.opts.ECSAgency)
	if !known {
		return nil, notHere
	}
	token, _ := sentHeader(ex.r.Header, "X-Metadata-Token")
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.metadataTokens[token]; !s.opts.MetadataV1 && (!ok || c.expired(s.nowLocked())) {
		return nil, refuse(401, "", "Incorrect X-Metadata-Token")
	}
	return func() *answer { return s.issueKeys(200, iamKeys, a, "ecs", workloadKeysLife) }, nil
}

// requestIDToken is GitHub's endpoint for a pipeline's ID token.
func (ex *exchange) requestIDToken(object) (do func() *answer, refusal *answer) {
	s := ex.s
	authorization, _ := sentHeader(ex.r.Header, "Authorization")
	scheme, token, _ := strings.Cut(authorization, " ")
	switch {
	case s.opts.IDTokenRequestToken == "":
		return nil, notHere
	case !strings.EqualFold(scheme, "bearer") || token != s.opts.IDTokenRequestToken:
		return nil, refuse(401, "", "Incorrect Authorization")
	case ex.value("api-version") != "2.0" || ex.value("audience") == "":
		return nil, malformed("Invalid query")
	}
	return func() *answer {
		return &answer{status: 200, body: map[string]string{"value": s.idToken(ex.value("audience"), gitHubTokenLife)}}
	}, nil
}
