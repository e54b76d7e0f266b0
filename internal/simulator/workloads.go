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

// podCredentials is CCE's pod identity.
func (ex *exchange) podCredentials(body object) func() *answer {
	ex.require(ex.opts.PodToken != "", notHere)
	ex.require(slices.Equal(ex.r.Header.Values("Authorization"), []string{ex.opts.PodToken}), refuse(401, "", "Incorrect Authorization"))
	return func() *answer { return ex.issueKeys(200, podKeys, "pod", workloadKeysLife) }
}

// metadataToken is version 2 of an ECS server's instance metadata.
func (ex *exchange) metadataToken(object) func() *answer {
	seconds, _ := sentHeader(ex.r.Header, "X-Metadata-Token-Ttl-Seconds")
	ttl, err := strconv.Atoi(seconds)
	ex.require(ex.opts.ECSAgency, notHere)
	ex.require(err == nil && ttl >= 1 && ttl <= maxMetadataTTL, malformed("Invalid X-Metadata-Token-Ttl-Seconds"))
	return func() *answer {
		ex.issued++
		text := "simulated-metadata-token-" + strconv.Itoa(ex.issued)
		ex.metadataTokens[text] = &credential{expires: ex.now().Add(time.Duration(ttl) * time.Second)}
		return &answer{status: 200, body: text}
	}
}

// metadataKeys gives the keys of an ECS server's agency.
func (ex *exchange) metadataKeys(object) func() *answer {
	ex.require(ex.opts.ECSAgency, notHere)
	token, _ := sentHeader(ex.r.Header, "X-Metadata-Token")
	c, ok := ex.metadataTokens[token]
	ex.require(ok && !c.expired(ex.now()), refuse(401, "", "Incorrect X-Metadata-Token"))
	return func() *answer { return ex.issueKeys(200, iamKeys, "ecs", workloadKeysLife) }
}

// requestIDToken is GitHub's endpoint for a pipeline's ID token.
func (ex *exchange) requestIDToken(object) func() *answer {
	authorization, _ := sentHeader(ex.r.Header, "Authorization")
	scheme, token, _ := strings.Cut(authorization, " ")
	ex.require(ex.opts.IDTokenRequestToken != "", notHere)
	ex.require(strings.EqualFold(scheme, "bearer") && token == ex.opts.IDTokenRequestToken, refuse(401, "", "Incorrect Authorization"))
	ex.require(ex.query.Get("api-version") == "2.0" && ex.query.Get("audience") != "", malformed("Invalid query"))
	return func() *answer {
		return &answer{status: 200, body: map[string]string{"value": ex.idToken(ex.query.Get("audience"), gitHubTokenLife)}}
	}
}
