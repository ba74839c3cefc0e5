package org.apache.druid.cli;

import java.io.FileReader;
import java.io.Reader;
import java.util.Properties;
import org.apache.druid.guice.StartupInjectorBuilder;
import org.apache.druid.java.util.common.lifecycle.Lifecycle;
import org.apache.druid.java.util.common.logger.Logger;

/** Starts one unchanged service of Druid from property files. It is in Druid's package because it needs protected members there. */
public final class OneService {
  private OneService() {}

  /** Starts {@code service} with the properties in {@code files}, where later files win; closing the result stops the service. */
  public static AutoCloseable start(String service, String... files) throws Exception {
    final Properties properties = new Properties();
    for (String file : files) {
      try (Reader reader = new FileReader(file)) {
        properties.load(reader);
      }
    }
    final ServerRunnable runnable = runnable(service);
    new StartupInjectorBuilder().withProperties(properties).withExtensions().build().injectMembers(runnable);
    final Lifecycle lifecycle =
        GuiceRunnable.initLifecycle(runnable.makeInjector(runnable.getNodeRoles(properties)), new Logger(OneService.class));
    return lifecycle::stop;
  }

  private static ServerRunnable runnable(String service) {
    switch (service) {
      case "broker":
        return new CliBroker();
      case "coordinator-overlord":
        return new CliCoordinator();
      case "historical":
        return new CliHistorical();
      case "indexer":
        return new CliIndexer();
      default:
        throw new IllegalArgumentException(service);
    }
  }
}
