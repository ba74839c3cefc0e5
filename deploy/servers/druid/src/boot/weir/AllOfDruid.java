package weir;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.apache.zookeeper.server.ServerConfig;
import org.apache.zookeeper.server.ZooKeeperServerMain;

/**
 * Runs ZooKeeper and several services of Druid in one JVM. Each service has a class loader of its own, because Druid keeps the pipeline
 * of a service's HTTP filters in a static field.
 *
 * <p>The arguments are the folder of the configuration, ZooKeeper's property file, the class path of a service, and the services in the
 * order of their start. It prints {@code READY} once all are up. If a service does not start, the process ends with status 3.
 */
public final class AllOfDruid {
  /** Without a lock: a service that cannot start ends the process from inside its start, and what runs then stops the others. */
  private static final Deque<AutoCloseable> RUNNING = new ConcurrentLinkedDeque<>();

  private static volatile int status = 3;

  private AllOfDruid() {}

  public static void main(String[] arguments) throws Exception {
    startZooKeeper(arguments[1]);
    final URL[] classPath = urls(arguments[2]);
    Runtime.getRuntime().addShutdownHook(new Thread(AllOfDruid::stop, "stop"));
    try {
      for (int i = 3; i < arguments.length; i++) {
        RUNNING.push(start(arguments[i], arguments[0], classPath));
        System.out.println("started " + arguments[i]);
      }
    } catch (Throwable e) {
      end(e);
    }
    status = 0;
    System.out.println("READY");
    Thread.currentThread().join();
  }

  /** Threads of the services that have started would keep the process alive without the others. */
  private static void end(Throwable e) {
    e.printStackTrace();
    Runtime.getRuntime().halt(3);
  }

  private static void startZooKeeper(String file) throws Exception {
    final ServerConfig config = new ServerConfig();
    config.parse(file);
    final Thread thread = new Thread(() -> runZooKeeper(config), "zookeeper");
    thread.setDaemon(true);
    thread.start();
  }

  private static void runZooKeeper(ServerConfig config) {
    try {
      new ZooKeeperServerMain().runFromConfig(config);
    } catch (Exception e) {
      end(e);
    }
  }

  private static AutoCloseable start(String service, String conf, URL[] classPath) throws Exception {
    final ClassLoader loader = new URLClassLoader(service, classPath, AllOfDruid.class.getClassLoader());
    Thread.currentThread().setContextClassLoader(loader);
    final String[] files = {conf + "/common.properties", conf + "/" + service + ".properties"};
    return (AutoCloseable)
        loader
            .loadClass("org.apache.druid.cli.OneService")
            .getMethod("start", String.class, String[].class)
            .invoke(null, service, files);
  }

  private static URL[] urls(String classPath) throws Exception {
    final List<URL> urls = new ArrayList<>();
    for (String entry : classPath.split(File.pathSeparator)) {
      urls.add(new File(entry).toURI().toURL());
    }
    return urls.toArray(new URL[0]);
  }

  private static void stop() {
    while (!RUNNING.isEmpty()) {
      try {
        RUNNING.pop().close();
      } catch (Throwable e) {
        e.printStackTrace();
      }
    }
    Runtime.getRuntime().halt(status);
  }
}
