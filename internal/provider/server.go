package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// framework is everything that the framework's server implements. A wrapper that
// hides a part of it would hide the actions or the list resources.
type framework interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	tfprotov6.ListResourceServer
}

// server is the framework's server, except that StopProvider waits for running
// actions. The plugin library closes their streams as soon as StopProvider
// returns. Then nobody would learn the outcome of the message, and Terraform
// would count the action as done.
type server struct {
	framework
	invoking sync.RWMutex    // read-locked by each action that is running
	stopping context.Context // ends when the provider is stopped
	stop     context.CancelFunc
}

func newServer(p *serviceRequestProvider) tfprotov6.ProviderServer {
	//nolint:forcetypeassert // every test fails with a framework that lacks a part
	s := &server{framework: providerserver.NewProtocol6(p)().(framework)}
	s.stopping, s.stop = context.WithCancel(context.Background())
	return s
}

func (s *server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	s.invoking.RLock()
	// The framework cancels the actions that run when it stops. This also cancels
	// one that is just starting.
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.stopping, cancel)
	ended := func() { detach(); cancel(); s.invoking.RUnlock() }
	stream, err := s.framework.InvokeAction(ctx, req)
	if err != nil {
		ended()
		return nil, err
	}
	events := stream.Events
	stream.Events = func(push func(tfprotov6.InvokeActionEvent) bool) {
		defer ended()
		events(push)
	}
	return stream, nil
}

// StopProvider cancels everything that runs, and waits for the actions. The wait
// is short: an interrupted submit makes one more check of the ticket, of at most
// 5 seconds.
func (s *server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	s.stop()
	resp, err := s.framework.StopProvider(ctx, req)
	s.invoking.Lock()
	defer s.invoking.Unlock()
	return resp, err
}
