const given = JSON.parse(document.getElementById("data").textContent);
new EntityView(document.getElementById("view")).show(given.text, given.extraction);
