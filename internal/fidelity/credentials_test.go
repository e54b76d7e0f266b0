package fidelity

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	iammodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	sts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/sts/v1"
	stsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/sts/v1/model"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// TestTheProviderGetsCredentialsAsTheSDKDoes compares what the two send to each issuer of
// credentials that the SDK can be pointed at. The SDK's provider of an ECS server's agency has
// a fixed address.
func TestTheProviderGetsCredentialsAsTheSDKDoes(t *testing.T) {
	agency := simulator.Agency{Name: "deploy", DomainID: domainID, DomainName: "account"}
	server := service(t, simulator.Options{
		Agency: agency, Providers: []simulator.OIDCProvider{{Name: "github", Audience: "aud"}}, PodToken: "pod",
	})
	client := func() *core.HcHttpClient {
		return ok(core.NewHcHttpClientBuilder().WithCredentialsType("global.Credentials").WithEndpoint(server.URL()).WithCredential(keyed(permanent)).SafeBuild())
	}
	idToken := server.IDToken("aud", time.Hour)
	file := filepath.Join(t.TempDir(), "pod")
	if err := os.WriteFile(file, []byte("pod\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := ok(servicerequest.ParseEndpoint(server.URL()))
	pod := ok(url.Parse(server.URL() + simulator.PodCredentialsPath))
	t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", pod.String())
	t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)
	pair := credentials.AccessKey(permanent)

	for op, row := range map[string]struct {
		source credentials.Source
		sdk    func() error
	}{
		simulator.OpAssume: {
			credentials.Agency{Base: pair, STS: base, URN: agency.URN(), SessionName: "run", Duration: 15 * time.Minute},
			func() error {
				_, err := sts.NewStsClient(client()).AssumeAgency(&stsmodel.AssumeAgencyRequest{Body: &stsmodel.AssumeAgencyReqBody{
					AgencyUrn: agency.URN(), AgencySessionName: "run", DurationSeconds: p[int32](900),
				}})
				return err
			},
		},
		simulator.OpSecurityTokens: {
			credentials.Agency{Base: pair, IAM: base, Name: "deploy", Domain: credentials.Domain{ID: domainID}, Duration: 15 * time.Minute},
			func() error {
				_, err := iam.NewIamClient(client()).CreateTemporaryAccessKeyByAgency(&iammodel.CreateTemporaryAccessKeyByAgencyRequest{
					Body: &iammodel.CreateTemporaryAccessKeyByAgencyRequestBody{Auth: &iammodel.AgencyAuth{Identity: &iammodel.AgencyAuthIdentity{
						Methods:    []iammodel.AgencyAuthIdentityMethods{iammodel.GetAgencyAuthIdentityMethodsEnum().ASSUME_ROLE},
						AssumeRole: &iammodel.IdentityAssumerole{AgencyName: "deploy", DomainId: p(domainID), DurationSeconds: p[int32](900)},
					}}},
				})
				return err
			},
		},
		simulator.OpPodCredentials: {
			credentials.Pod{URL: pod, TokenFile: file},
			func() error {
				_, err := provider.GlobalCredentialPodIdentityProvider().GetCredentials()
				return err
			},
		},
		// The SDK's clients sign these two, though they need no signature. So it is refused,
		// but the body is its own.
		simulator.OpAssumeWithOIDC: {
			credentials.OIDC{STS: base, ProviderURN: agency.ProviderURN("github"), AgencyURN: agency.URN(), SessionName: "run", IDToken: credentials.IDToken{Value: idToken}},
			func() error {
				_, _ = sts.NewStsClient(client()).AssumeAgencyWithOIDC(&stsmodel.AssumeAgencyWithOidcRequest{Body: &stsmodel.AssumeAgencyWithOidcReqBody{
					ProviderUrn: agency.ProviderURN("github"), AgencyUrn: agency.URN(), AgencySessionName: "run", IdToken: idToken,
				}})
				return nil
			},
		},
		simulator.OpIDTokenExchange: {
			credentials.IAMOIDC{IAM: base, ProviderID: "github", Domain: credentials.Domain{Name: "account"}, IDToken: credentials.IDToken{Value: idToken}},
			func() error {
				_, _ = iam.NewIamClient(client()).CreateTokenWithIdToken(&iammodel.CreateTokenWithIdTokenRequest{XIdpId: "github", Body: &iammodel.GetIdTokenRequestBody{
					Auth: &iammodel.GetIdTokenAuthParams{IdToken: &iammodel.GetIdTokenIdTokenBody{Id: idToken}, Scope: &iammodel.GetIdTokenIdScopeBody{
						Domain: &iammodel.GetIdTokenScopeDomainOrProjectBody{Name: p("account")},
					}},
				}})
				return nil
			},
		},
	} {
		t.Run(op, func(t *testing.T) {
			asked := func() simulator.Request {
				t.Helper()
				for _, r := range server.Requests() {
					if r.Operation == op {
						server.Reset()
						return r
					}
				}
				t.Fatal("not asked")
				return simulator.Request{}
			}
			if err := row.sdk(); err != nil {
				t.Fatal(err)
			}
			theirs := asked()
			c := servicerequest.New(servicerequest.Config{Endpoint: base, Credentials: row.source, UserAgent: "provider"})
			if _, err := c.List(t.Context(), caseID, "group"); err != nil {
				t.Fatal(err)
			}
			ours := asked()
			for _, name := range []string{"Authorization", "X-Sdk-Date", "X-Domain-Id"} {
				if (op == simulator.OpAssumeWithOIDC || op == simulator.OpIDTokenExchange) && ours.Header.Get(name) == "" {
					theirs.Header.Del(name)
				}
			}
			// JSON is UTF-8, whether a charset says so or not.
			if media, _, _ := strings.Cut(theirs.Header.Get("Content-Type"), ";"); media == "application/json" {
				theirs.Header.Set("Content-Type", media)
			}
			compare(t, ours, theirs)
		})
	}
}
