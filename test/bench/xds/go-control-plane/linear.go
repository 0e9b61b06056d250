package main

import (
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

var typeURLs = []string{
	resource.ClusterType,
	resource.EndpointType,
	resource.ListenerType,
	resource.RouteType,
	resource.ExtensionConfigType,
}

// A cache for each type, which looks only at who asked for what changed.
type linearStore struct {
	caches map[string]*cache.LinearCache
	mux    cache.MuxCache
	next   changes
}

func newLinearStore() *linearStore {
	store := &linearStore{caches: map[string]*cache.LinearCache{}}
	store.mux = cache.MuxCache{
		Classify:      func(request *cache.Request) string { return request.GetTypeUrl() },
		ClassifyDelta: func(request *cache.DeltaRequest) string { return request.GetTypeUrl() },
		Caches:        map[string]cache.Cache{},
	}
	for _, typeURL := range typeURLs {
		store.caches[typeURL] = cache.NewLinearCache(typeURL)
		store.mux.Caches[typeURL] = store.caches[typeURL]
	}
	return store
}

func (store *linearStore) cache() cache.Cache { return &store.mux }

func (store *linearStore) load(changes changes) error {
	store.next = changes
	return nil
}

func (store *linearStore) publish() error {
	for _, typeURL := range typeURLs {
		updated, removed := map[string]types.Resource{}, []string{}
		for name, message := range store.next[typeURL] {
			if message == nil {
				removed = append(removed, name)
			} else {
				updated[name] = message
			}
		}
		if len(updated)+len(removed) == 0 {
			continue
		}
		if err := store.caches[typeURL].UpdateResources(updated, removed); err != nil {
			return err
		}
	}
	return nil
}
