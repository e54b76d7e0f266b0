package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// framework is all that the framework's server can do. A server that hides a
// part of it would take the actions or the list resources away.
type framework interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	tfprotov6.ListResourceServer
}

// server is the framework's server, but when Terraform is interrupted it lets
// actions come to their end. The plugin library closes their streams as soon as
// StopProvider returns: what became of a message would never be told, and
// Terraform would take the action for done.
type server struct {
	framework
	invoking sync.RWMutex // read-locked by each action that is running
	stopped  chan struct{}
	stop     func() // closes stopped
}

func newServer(p *serviceRequestProvider) tfprotov6.ProviderServer {
	//nolint:forcetypeassert // no test passes with a framework that is less
	s := &server{framework: providerserver.NewProtocol6(p)().(framework), stopped: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.stopped) })
	return s
}

func (s *server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	s.invoking.RLock()
	// The framework cancels what runs when it stops; this cancels what is just
	// beginning, too.
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	stream, err := s.framework.InvokeAction(ctx, req)
	if err != nil {
		cancel()
		s.invoking.RUnlock()
		return nil, err
	}
	events := stream.Events
	stream.Events = func(push func(tfprotov6.InvokeActionEvent) bool) {
		defer s.invoking.RUnlock()
		defer cancel()
		events(push)
	}
	return stream, nil
}

// StopProvider cancels what is running, and waits for the actions. Their last
// look bounds the wait.
func (s *server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	s.stop()
	resp, err := s.framework.StopProvider(ctx, req)
	s.invoking.Lock()
	defer s.invoking.Unlock()
	return resp, err
}
