package provider

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The provider blocks of the guide on credentials get what the simulated issuers have for the
// names in them.
func TestGuideCredentials(t *testing.T) {
	t.Parallel()
	endpoint := regexp.MustCompile(`https://[^"]+`)
	for _, file := range glob(t, guides+"credentials/*.tf") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			f := newSecuredFixture(t, simulator.Options{})
			block := readText(t, file)
			env := []string{
				"ACTIONS_ID_TOKEN_REQUEST_URL=" + f.idTokenURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + requestToken,
				"SERVICEREQUEST_METADATA_ENDPOINT=" + f.URL(),
			}
			if strings.Contains(block, "assume_agency = ") {
				env = append(env, "HW_ACCESS_KEY="+testPair.AccessKey, "HW_SECRET_KEY="+testPair.SecretKey)
			}
			config := requiredProvider + endpoint.ReplaceAllString(block, f.URL()) + oneMessage
			newCLI(t, map[string]string{"main.tf": config}, env...).run("apply", "-auto-approve")
			f.wantContents(t, "hello")
			used := headerOf(f.posts()[0], "Authorization") + headerOf(f.posts()[0], "X-Auth-Token")
			wantAll(t, strings.ToUpper(used), "SIMULATED")
		})
	}
}

// The provider block of each site has one region for the service and IAM, is shown on the
// first page, and sends its language and time zone: here to the simulator.
func TestGuideSites(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile(`(?s)endpoint += "https://osm\.([a-z0-9-]+\.myhuaweicloud\.(?:com|eu))"\n +language += "(\S+)"\n +time_zone += "(\S+)"\n.*auth_url += "https://iam\.(\S+)"\n`)
	for _, file := range glob(t, guides+"sites/*.tf") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			wantAll(t, readText(t, root+"/templates/index.md.tmpl"), `"examples/guides/sites/`+filepath.Base(file)+`"`)
			text := readText(t, file)
			m := block.FindStringSubmatch(text)
			if m == nil || m[1] != m[4] {
				t.Fatalf("%q in:\n%s", m, text)
			}
			f := newFixture(t, simulator.Options{})
			config := requiredProvider + strings.Replace(text, "https://osm."+m[1], f.URL(), 1) + oneMessage
			newCLI(t, map[string]string{"main.tf": config}, "SERVICEREQUEST_TOKEN="+testToken).run("apply", "-auto-approve")
			f.wantPosts(t, 1, 1)
			post := f.posts()[0]
			wantAll(t, headerOf(post, "User-Agent"), " terraform-provider-servicerequest/"+builtVersion)
			wantValue(t, "the headers", []string{headerOf(post, "X-Language"), headerOf(post, "X-Time-Zone"), headerOf(post, "X-Site")}, []string{m[2], m[3], ""})
		})
	}
}
