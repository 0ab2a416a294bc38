#include "metrics_zone.h"

#include <algorithm>
#include <string_view>

#include "base/clock.h"
#include "boundary.h"
#include "destination/bus_guard.h"
#include "directives.h"
#include "zone_memory.h"

namespace momento {

namespace {

ngx_str_t zone_name = ngx_string(metrics_zone_name);

// The slab allocator's own pages, generously.
constexpr size_t zone_size = sizeof(SharedMetrics) + sizeof(SharedMetrics) / 8 + 64 * 1024;

bool has_bus(const MainConf& main, std::string_view name) {
    return std::any_of(main.destinations.begin(), main.destinations.end(),
                       [&](const DestinationSettings& each) {
                           return each.name == name && each.kind->has_bus;
                       });
}

// What the configuration names is there before anybody counts; where it names no bus any more
// nobody will look it up.
void add_names(SharedMetrics& metrics, const MainConf& main) {
    metrics.destinations.for_each([&](std::string_view name, DestinationMetrics& destination) {
        if (!has_bus(main, name)) BusGuard::forget(destination.bus);
    });
    for (const DestinationSettings& destination : main.destinations) {
        metrics.destinations.find_or_add(destination.name);
    }
    for (LocationConf* webhook : main.webhooks) {
        webhook->metrics = metrics.webhooks.find_or_add(webhook->label);
        for (const LocationSecret& secret : *webhook->secrets) {
            metrics.secrets.find_or_add(secret.name);
        }
    }
}

// nginx calls this for each configuration; `data` is what the last one left.
ngx_int_t init_zone(ngx_shm_zone_t* zone, void* data) noexcept {
    return contain(zone->shm.log, ngx_int_t{NGX_ERROR}, [&] {
        auto& main = *static_cast<MainConf*>(zone->data);
        auto* pool = reinterpret_cast<ngx_slab_pool_t*>(zone->shm.addr);
        if (data != nullptr) {
            main.metrics = static_cast<MainConf*>(data)->metrics;
        } else if (zone->shm.exists) {
            main.metrics = static_cast<SharedMetrics*>(pool->data);
        } else {
            // Zeros are an empty SharedMetrics.
            pool->data = take_zeros(pool, sizeof(SharedMetrics));
            if (pool->data == nullptr) return ngx_int_t{NGX_ERROR};
            main.metrics = static_cast<SharedMetrics*>(pool->data);
            main.metrics->started_ms.store(system_clock().wall_ms());
        }
        add_names(*main.metrics, main);
        return ngx_int_t{NGX_OK};
    });
}

}  // namespace

ngx_int_t add_metrics_zone(ngx_conf_t* cf, MainConf& main) {
    ngx_shm_zone_t* zone =
        ngx_shared_memory_add(cf, &zone_name, zone_size, &ngx_http_momento_module);
    if (zone == nullptr) return NGX_ERROR;
    zone->init = init_zone;
    zone->data = &main;
    return NGX_OK;
}

}  // namespace momento
