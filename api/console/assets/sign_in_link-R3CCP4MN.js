var e=document.querySelector('input[name="link"]'),t=location.hash.slice(1);e?.form&&t&&(e.value=t,history.replaceState(null,"",location.pathname),e.form.requestSubmit());
