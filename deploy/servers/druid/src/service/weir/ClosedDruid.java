package weir;

import com.google.inject.Binder;
import com.google.inject.Inject;
import com.google.inject.Key;
import com.google.inject.Provider;
import java.lang.annotation.Annotation;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.apache.druid.guice.LazySingleton;
import org.apache.druid.guice.PolyBind;
import org.apache.druid.guice.SQLMetadataStorageDruidModule;
import org.apache.druid.guice.annotations.Client;
import org.apache.druid.guice.annotations.EscalatedClient;
import org.apache.druid.guice.annotations.EscalatedGlobal;
import org.apache.druid.guice.annotations.Global;
import org.apache.druid.initialization.DruidModule;
import org.apache.druid.metadata.DerbyMetadataStorageActionHandlerFactory;
import org.apache.druid.metadata.MetadataStorageActionHandlerFactory;
import org.apache.druid.metadata.MetadataStorageConnector;
import org.apache.druid.metadata.MetadataStorageProvider;
import org.apache.druid.metadata.NoopMetadataStorageProvider;
import org.apache.druid.metadata.SQLMetadataConnector;
import org.apache.druid.server.initialization.TLSServerConfig;
import org.apache.druid.server.security.TLSCertificateChecker;
import org.apache.druid.server.security.TLSUtils;

/**
 * Closes a service of Druid to other users: the service shows the other services the certificate that its own port needs, and opens the
 * metadata database in this process, without a port.
 */
public final class ClosedDruid implements DruidModule {
  /** The value of {@code druid.metadata.storage.type}. */
  private static final String IN_THIS_PROCESS = "derby-in-this-process";

  private static final List<Class<? extends Annotation>> CLIENTS =
      List.of(Global.class, Client.class, EscalatedGlobal.class, EscalatedClient.class);

  @Override
  public void configure(Binder binder) {
    binder.bind(SSLContext.class).toProvider(ShownCertificate.class).in(LazySingleton.class);
    for (Class<? extends Annotation> client : CLIENTS) {
      binder.bind(SSLContext.class).annotatedWith(client).toProvider(ShownCertificate.class).in(LazySingleton.class);
    }
    binder.install(new SQLMetadataStorageDruidModule(IN_THIS_PROCESS));
    choose(binder, MetadataStorageProvider.class, NoopMetadataStorageProvider.class);
    choose(binder, MetadataStorageConnector.class, DerbyInThisProcess.class);
    choose(binder, SQLMetadataConnector.class, DerbyInThisProcess.class);
    choose(binder, MetadataStorageActionHandlerFactory.class, DerbyMetadataStorageActionHandlerFactory.class);
  }

  private static <T> void choose(Binder binder, Class<T> what, Class<? extends T> chosen) {
    PolyBind.optionBinder(binder, Key.get(what)).addBinding(IN_THIS_PROCESS).to(chosen).in(LazySingleton.class);
  }

  /** Gives the service's clients the keys of the service's own port. */
  private static final class ShownCertificate implements Provider<SSLContext> {
    private final TLSServerConfig port;
    private final TLSCertificateChecker checker;

    @Inject
    ShownCertificate(TLSServerConfig port, TLSCertificateChecker checker) {
      this.port = port;
      this.checker = checker;
    }

    @Override
    public SSLContext get() {
      return new TLSUtils.ClientSSLContextBuilder()
          // The client uses Netty 3, whose handshake with TLS 1.3 sometimes hangs.
          .setProtocol("TLSv1.2")
          .setKeyStoreType(port.getKeyStoreType())
          .setKeyStorePath(port.getKeyStorePath())
          .setKeyStorePasswordProvider(port.getKeyStorePasswordProvider())
          .setKeyManagerFactoryPasswordProvider(port.getKeyStorePasswordProvider())
          .setCertAlias(port.getCertAlias())
          .setTrustStoreType(port.getTrustStoreType())
          .setTrustStorePath(port.getTrustStorePath())
          .setTrustStorePasswordProvider(port.getTrustStorePasswordProvider())
          .setValidateHostnames(true)
          .setCertificateChecker(checker)
          .build();
    }
  }
}
